"""Everything that touches TensorFlow, Keras or LiteRT; imports nothing of the site.

TensorFlow and LiteRT are imported inside functions, so that a web process that imports a name from here stays small.
"""

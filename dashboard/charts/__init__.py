"""The charts, one module per page: each reads rollups in a constant number of queries and returns what is shown."""

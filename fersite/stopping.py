"""Whether this worker was asked to stop in order: set in its main process, seen by the pool processes it has forked."""

from mmap import mmap

# Anonymous shared memory: written in a signal handler, so without any lock.
_asked = mmap(-1, 1)


def ask_to_stop() -> None:
    """From now on is_stopping() holds, here and in every process forked since this module was loaded."""
    _asked[0] = 1


def is_stopping() -> bool:
    """Whether long work that can be gone on with should end now."""
    return _asked[0] == 1

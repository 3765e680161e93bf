"""A process that does not outlive its parent, however that ends (Linux only; elsewhere nothing happens)."""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def die_with_parent(signum: int, parent: int) -> None:
    """Ask the kernel to send `signum` to this process when the thread of `parent` that started it ends."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:  # it ended before we asked
        os.kill(os.getpid(), signum)

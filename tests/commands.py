"""`python -m ml` in the test's own process: what it prints and its exit status, without the seconds of imports."""

import io
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def run_ml(*words: object) -> Done:
    """Run one command; usage errors end with 2, as in a process of its own. Warnings are no errors in it."""
    from ml.__main__ import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            code = main([str(word) for word in words])
        except SystemExit as exit:
            code = exit.code if isinstance(exit.code, int) else 1
    return Done(code, out.getvalue(), err.getvalue())

"""A worker that is asked to stop tells its pool processes, so that a training gives its run back."""

import subprocess
import sys

from local.programs import ROOT

CODE = """
import os
from celery.signals import worker_shutting_down
from fersite import celery, stopping

told, tell = os.pipe()
assert not stopping.is_stopping()
if not os.fork():
    os.read(told, 1)
    os._exit(0 if stopping.is_stopping() else 1)
worker_shutting_down.send(sender="training", sig="SIGTERM", how="Warm", exitcode=0)
os.write(tell, b".")
assert os.wait()[1] == 0
"""


def test_pool_processes_see_that_the_worker_stops() -> None:
    subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, timeout=30, check=True)

"""How the web process runs, by Procfile and by `make run`; gunicorn reads this file where it is started."""

import os
import tempfile

bind = f"0.0.0.0:{os.environ.get('PORT') or 8000}"  # `make run` names loopback
worker_class = "gthread"
workers = 2
threads = 24
timeout = 60
preload_app = True
control_socket_disable = True
# The workers count their requests together in this folder.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="fersite-prometheus-"))

"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fersite.settings")

application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - load the views now, not in the first request

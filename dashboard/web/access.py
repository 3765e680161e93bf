"""Who may see the dashboard: staff; others get 403, and whoever is not logged in is sent to the log-in page."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User
from accounts.roles import is_dashboard_staff

View = Callable[..., HttpResponseBase]


def staff_only(view: View) -> View:
    """Lets staff in; others get 403, and who is not logged in is asked to log in."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_dashboard_staff(cast(User, request.user)):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded

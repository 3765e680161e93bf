"""For addresses that only take forms: whoever was logged out meanwhile comes back to the page with the form."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse

View = Callable[[HttpRequest, UUID], HttpResponseBase]


def login_required_from(page: str) -> Callable[[View], View]:
    """As Django's login_required, but logging in leads to `page` (a name of an address, with the same id).

    A script gets {error} with status 401.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, pk: UUID) -> HttpResponseBase:
            if request.user.is_authenticated:
                return view(request, pk)
            if request.accepts("text/html"):
                return redirect_to_login(reverse(page, args=[pk]))
            words = "You were logged out. Reload the page, log in and try again."
            return JsonResponse({"error": words}, status=401)

        return guarded

    return decorate

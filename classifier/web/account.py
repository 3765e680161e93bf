"""Deleting one's account: the photos are this room's, so the page is here and not in accounts."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.models import User
from classifier.models import Upload
from classifier.photos.erasure import erase_account
from classifier.web.forms import AccountDeletionForm


@sensitive_post_parameters()
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete_account(request: HttpRequest) -> HttpResponse:
    """Asks for the password, then erases every photo and the account, all or nothing.

    Staff are refused: their decisions are on record, and a site must not lose its last administrator by a click.
    """
    user = request.user
    if not isinstance(user, User) or user.is_staff:
        raise PermissionDenied
    form = AccountDeletionForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        erase_account(user=user)
        logout(request)
        messages.success(request, "Your account and your photos are deleted.")
        return redirect("home")
    context = {"form": form, "count": Upload.objects.owned_by(user).count()}
    return render(request, "accounts/account_delete.html", context)

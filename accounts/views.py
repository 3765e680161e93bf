"""Pages of this room: sign up, log in and out, passwords, one's own account, the notice."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.auth.mixins import LoginRequiredMixin
from django.forms import BaseForm, BaseModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import CreateView, TemplateView

from accounts import guessing, notice
from accounts.forms import (
    LimitedPasswordResetForm,
    LogInForm,
    SignUpForm,
    StyledPasswordChangeForm,
    StyledSetPasswordForm,
)
from accounts.models import User


def next_page(request: HttpRequest) -> str:
    """Where the visitor wanted to go, if that is a page of this site; else ""."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else ""


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SignUpView(CreateView):  # type: ignore[type-arg]
    """Makes the account, records the acceptance, logs in."""

    form_class = SignUpForm
    template_name = "accounts/sign_up.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send people who are logged in on: they have an account."""
        if request.user.is_authenticated:
            return redirect(next_page(request) or settings.LOGIN_REDIRECT_URL)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: BaseModelForm) -> HttpResponse:  # type: ignore[type-arg]
        """Create the account and log in. A name taken in the very same moment ends in a 500, which is rare enough."""
        if not guessing.may_sign_up(self.request):
            form.add_error(None, "Many accounts were made from your network just now. Please try again in an hour.")
            headers = {"Retry-After": "3600"}
            return self.render_to_response(self.get_context_data(form=form), status=429, headers=headers)
        user = form.save()
        login(self.request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
        messages.success(self.request, f"Welcome, {user.username}. Give us a photo with a face in it.")
        return HttpResponseRedirect(next_page(self.request) or str(reverse_lazy("upload")))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `next`, which the form sends on."""
        return super().get_context_data(next=next_page(self.request), **kwargs)


class LogInView(auth_views.LoginView):
    """Django's own, which follows `next` only within this site."""

    form_class = LogInForm
    template_name = "accounts/log_in.html"
    redirect_authenticated_user = True

    def get_redirect_url(self) -> str:  # type: ignore[override]  # the stubs name an argument that Django has not
        """Never lead back to this page: people who are logged in already would go round in a circle."""
        wanted = super().get_redirect_url()
        return "" if urlsplit(wanted).path == self.request.path else wanted


class PasswordChangeView(auth_views.PasswordChangeView):
    """Other sessions of the account end, this one goes on."""

    form_class = StyledPasswordChangeForm
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: BaseForm) -> HttpResponse:
        messages.success(self.request, "Your password is changed. Other sessions and your API token have ended.")
        return super().form_valid(form)  # type: ignore[arg-type]


class PasswordResetView(auth_views.PasswordResetView):
    """Asks for the address and sends the link."""

    form_class = LimitedPasswordResetForm
    template_name = "accounts/password_reset.html"
    email_template_name = "accounts/password_reset_mail.txt"
    subject_template_name = "accounts/password_reset_subject.txt"
    success_url = reverse_lazy("password_reset_done")


class PasswordResetConfirmView(auth_views.PasswordResetConfirmView):
    """The page that the mailed link opens."""

    form_class = StyledSetPasswordForm
    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: BaseForm) -> HttpResponse:
        messages.success(self.request, "Your new password is set. Please log in with it.")
        return super().form_valid(form)  # type: ignore[arg-type]


class AccountView(LoginRequiredMixin, TemplateView):
    """What we hold about the person besides photos, and what can be done about it."""

    template_name = "accounts/account.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the latest acceptance of the notice; None for accounts that were made by an administrator."""
        user = self.request.user
        acceptance = user.notice_acceptances.order_by("-accepted_at").first() if isinstance(user, User) else None
        return super().get_context_data(acceptance=acceptance, **kwargs)


class NoticeView(TemplateView):
    """The notice on a page of its own, so that it can be read again."""

    template_name = "accounts/notice.html"
    extra_context = {"notice_version": notice.VERSION}

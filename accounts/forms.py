"""Forms of this room: sign-up with the notice, log-in, passwords. Bootstrap's classes are set here, once."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.forms import (
    AuthenticationForm,
    BaseUserCreationForm,
    PasswordChangeForm,
    PasswordResetForm,
    SetPasswordForm,
    UsernameField,
)
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from accounts import guessing, notice
from accounts.models import User


class BootstrapMixin:
    """Gives every widget Bootstrap's class, and marks those with errors for eyes and screen readers."""

    fields: dict[str, forms.Field]

    def style_fields(self) -> None:
        """Add the classes; call it at the end of `__init__`, when the fields exist."""
        for field in self.fields.values():
            checkbox = isinstance(field.widget, forms.CheckboxInput)
            field.widget.attrs["class"] = "form-check-input" if checkbox else "form-control"


class SignUpForm(BootstrapMixin, BaseUserCreationForm):  # type: ignore[type-arg]
    """Name, e-mail, password, and the box that says the notice was read."""

    accept = forms.BooleanField(
        label="I have read this and agree. I will not use it on workers or pupils.",
        error_messages={"required": "Please tick the box: without your agreement we may not keep your photos."},
    )

    class Meta:
        model = User
        fields = ("username", "email")
        field_classes: ClassVar[dict[str, Any]] = {"username": UsernameField}  # checked as it is stored: normalised

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"
        self.fields["username"].help_text = "Letters, digits and @ . + - _"
        self.fields["username"].widget.attrs.update(autocomplete="username", autocapitalize="none", autofocus=True)
        self.fields["email"] = forms.EmailField(
            label="E-mail",
            help_text="Only to reset your password.",
            widget=forms.EmailInput(attrs={"autocomplete": "email"}),
            max_length=254,
        )
        self.fields["password1"].help_text = "At least 8 characters, not only digits, nothing easy to guess."
        self.fields["password2"].label = "Password again"
        self.fields["password2"].help_text = ""
        self.order_fields(["username", "email", "password1", "password2", "accept"])
        self.style_fields()

    def clean_username(self) -> str:
        """Names that differ only in case would be mistaken for each other."""
        username: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=username).exists():
            raise ValidationError("This name is taken. Please choose another.", code="taken")
        return username

    def clean_email(self) -> str:
        """One account an address: otherwise a password mail could open the wrong one."""
        email: str = self.cleaned_data["email"]
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError("This e-mail has an account already. Log in, or reset its password.", code="taken")
        return email

    @transaction.atomic
    def save(self, commit: bool = True) -> User:
        """Create the account and record that the notice was accepted."""
        user = super().save(commit=True)
        notice.record_acceptance(user=user)
        return user


class LogInForm(BootstrapMixin, AuthenticationForm):
    """Django's own, with words for a name or an address that is blocked for a while."""

    error_messages = {
        "invalid_login": "Name and password do not match. Please check both; capital letters count.",
        "inactive": "This account is closed.",
        "blocked": "Too many wrong passwords. Please wait %(minutes)d minutes, or reset your password.",
        "address_blocked": "Too many wrong passwords came from your network. Please wait %(minutes)d minutes.",
    }

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = "User name"
        self.style_fields()

    def get_invalid_login_error(self) -> ValidationError:
        """Says so when the name or the address is blocked: the password may well have been right."""
        code, name = "invalid_login", self.cleaned_data.get("username", "")
        if guessing.is_address_blocked(self.request, name):
            code = "address_blocked"
        elif guessing.is_blocked(self.request, name):
            code = "blocked"
        params = {"minutes": guessing.minutes_blocked()}
        return ValidationError(self.error_messages[code], code=code, params=params)


class StyledPasswordChangeForm(BootstrapMixin, PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = "Present password"
        _shorten_password_help(self.fields)
        self.style_fields()


class StyledSetPasswordForm(BootstrapMixin, SetPasswordForm):  # type: ignore[type-arg]
    """A new password, for people who came by the link in a mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _shorten_password_help(self.fields)
        self.style_fields()


class LimitedPasswordResetForm(BootstrapMixin, PasswordResetForm):
    """Sends the link, but not so often that it could be used to pester somebody."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail"
        self.style_fields()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Nothing tells the visitor whether a mail was sent: that would tell who has an account."""
        if guessing.may_send_mail(self.cleaned_data["email"]):
            super().save(*args, **kwargs)


def _shorten_password_help(fields: dict[str, forms.Field]) -> None:
    fields["new_password1"].help_text = "At least 8 characters, not only digits, nothing easy to guess."
    fields["new_password2"].label = "New password again"
    fields["new_password2"].help_text = ""

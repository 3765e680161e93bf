"""Forms of the product's pages. What a photo may be is not decided here but in `images.py`."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from accounts.forms import BootstrapMixin
from accounts.models import User

# A hint for the file dialogue only. Some systems compare endings with their case, and some know no type for HEIC.
_ENDINGS = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif")
ACCEPT = ",".join(["image/*", *(f".{ending}" for ending in _ENDINGS), *(f".{ending.upper()}" for ending in _ENDINGS)])


class PhotosInput(forms.ClearableFileInput):
    """A file input that takes several files."""

    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Several files, empty ones too: the use case names what is wrong with them."""

    widget = PhotosInput

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        """Check that at least one file came."""
        files = data if isinstance(data, list | tuple) else [data]
        return [super(PhotosField, self).clean(file, initial) for file in files] if files else [super().clean(None)]


class UploadForm(forms.Form):
    """Photos, and whether they may be used for training."""

    image = PhotosField(
        label="Photos",
        allow_empty_file=True,
        max_length=None,
        error_messages={"required": "Please choose a photo first."},
    )
    consent_training = forms.BooleanField(required=False)


class AccountDeletionForm(BootstrapMixin, forms.Form):
    """The password, so that an open session is not enough to erase everything."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.style_fields()

    def clean_password(self) -> str:
        """Check that it is the account's password."""
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError("That is not your password.", code="wrong")
        return password

"""People: the user and the record that a user accepted the notice. Roles are groups, see roles.py."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person or a system account ("probe"). The e-mail is asked for at sign-up; system accounts have none."""

    def set_unusable_password(self) -> None:
        """End the API token as well, as a new password does."""
        from rest_framework.authtoken.models import Token

        super().set_unusable_password()
        if self.pk is not None:
            Token.objects.filter(user=self).delete()


class NoticeAcceptance(models.Model):
    """A user accepted one wording of the notice at one moment; never edited, a new wording appends a row."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notice_acceptances")
    notice_version = models.CharField(max_length=20)
    accepted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "notice_version"], name="one_acceptance_per_notice"),
        ]

    def __str__(self) -> str:
        return f"{self.user} accepted {self.notice_version}"

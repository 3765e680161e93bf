"""The notice that people accept at sign-up: its version. The words are in templates/accounts/_notice.html.

Whoever changes the meaning of those words changes VERSION too, so that it stays known who accepted what.
"""

from accounts.models import NoticeAcceptance, User

VERSION = "2026-11-3"


def record_acceptance(*, user: User) -> NoticeAcceptance:
    """Write down that `user` accepted the present wording; the first time counts."""
    acceptance, _ = NoticeAcceptance.objects.get_or_create(user=user, notice_version=VERSION)
    return acceptance

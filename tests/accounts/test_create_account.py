"""manage.py create_account: the password on standard input, the role as a group, mistakes said in one line."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.roles import is_dashboard_staff, set_role


def create(monkeypatch: pytest.MonkeyPatch, *words: str, password: str = "correct horse battery\n") -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password))
    call_command("create_account", *words, stdout=io.StringIO())


def may_review(user: User) -> bool:
    """As admin asks it, of the stored account."""
    return User.objects.get(pk=user.pk).has_perm("classifier.review_correction")


@pytest.mark.parametrize(
    ("role", "reviews", "sees_dashboard", "enters_admin"),
    [("user", False, False, False), ("reviewer", True, False, True), ("staff", True, True, True)],
)
def test_account_has_its_role(
    db: None, monkeypatch: pytest.MonkeyPatch, role: str, reviews: bool, sees_dashboard: bool, enters_admin: bool
) -> None:
    create(monkeypatch, "ada", "--role", role)
    user = User.objects.get(username="ada")
    assert user.check_password("correct horse battery")
    assert (may_review(user), is_dashboard_staff(user), user.is_staff) == (reviews, sees_dashboard, enters_admin)
    assert not user.is_superuser


@pytest.mark.parametrize(
    ("words", "password", "message"),
    [
        (["ada"], "", "standard input"),
        (["ada"], "12345\n", "too short"),
        (["ada lovelace"], "correct horse battery\n", "valid username"),
        (["taken"], "correct horse battery\n", "is taken"),
        (["TAKEN"], "correct horse battery\n", "is taken"),
        (["ada"], "correct \0 horse battery\n", "UTF-8"),
        (["ada"], "correct \udcff horse battery\n", "UTF-8"),
        (["ada", "--email", "nowhere"], "correct horse battery\n", "valid email"),
    ],
)
def test_mistakes_are_said_and_change_nothing(
    db: None, monkeypatch: pytest.MonkeyPatch, words: list[str], password: str, message: str
) -> None:
    User.objects.create_user("taken", "taken@example.org", "x")
    with pytest.raises(CommandError, match=message):
        create(monkeypatch, *words, password=password)
    assert list(User.objects.values_list("username", flat=True)) == ["taken"]


def test_role_can_be_taken_back(db: None) -> None:
    user = User.objects.create_user("ada", "ada@example.org", "x")
    set_role(user=user, role="staff")
    set_role(user=user, role="reviewer")
    assert (may_review(user), is_dashboard_staff(user)) == (True, False)
    set_role(user=user, role="user")
    assert (may_review(user), user.is_staff) == (False, False)


def test_unknown_role_is_refused(db: None) -> None:
    user = User.objects.create_user("ada", "ada@example.org", "x")
    wrong: Any = "king"
    with pytest.raises(ValueError, match="unknown role"):
        set_role(user=user, role=wrong)

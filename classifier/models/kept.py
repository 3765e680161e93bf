"""Triggers by which PostgreSQL itself keeps rows as they were written, whoever asks; each model's stand in its `Meta`.

`makemigrations` writes them down; what a migration fills into kept rows, it fills between RemoveTrigger and AddTrigger.
"""

from typing import Any

import pgtrigger

# See classifier.answers.corrections.allow_erasing.
NOT_ERASING = pgtrigger.Condition("current_setting('fersite.erasing', true) IS DISTINCT FROM 'on'")


class Refuse(pgtrigger.Trigger):
    """IntegrityError instead of `operation` on a row for which `condition` holds; `says` is what RAISE is given."""

    when = pgtrigger.Before

    def __init__(self, *, says: str = "'% is append-only', TG_TABLE_NAME", **options: Any) -> None:
        super().__init__(func=f"RAISE EXCEPTION {says} USING ERRCODE = 'restrict_violation';", **options)


def append_only(*, name: str, unless_erasing: bool = False) -> list[Refuse]:
    """No row is edited or deleted; but an erased account empties the column `name`."""
    named = pgtrigger.Q(**{f"new__{name}__isnull": False})
    condition = NOT_ERASING if unless_erasing else None
    return [
        Refuse(name="keep_row", operation=pgtrigger.Update, condition=pgtrigger.AnyChange(exclude=[name])),
        Refuse(name="keep_name", operation=pgtrigger.Update, condition=named),
        Refuse(name="refuse_delete", operation=pgtrigger.Delete, condition=condition),
    ]

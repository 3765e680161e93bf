"""The groups of the roles; what they may do follows with the tables of each room."""

from typing import Any, ClassVar

from django.db import migrations


def make_groups(apps: Any, schema_editor: Any) -> None:
    """Idempotent, so that a group somebody made by hand is kept."""
    for name in ("reviewer", "staff"):
        apps.get_model("auth", "Group").objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations: ClassVar = [migrations.RunPython(make_groups, migrations.RunPython.noop)]

"""What reviewers and staff may do in admin; neither may edit what happened."""

from typing import Any, ClassVar

from django.contrib.auth.management import create_permissions
from django.db import migrations

REVIEWER = ("view_face", "view_prediction", "view_version")
STAFF = (*REVIEWER, "view_upload", "retry_upload", "view_promotion", "view_sample")


def grant(apps: Any, schema_editor: Any) -> None:
    """Permissions are normally made after all migrations; here they are needed now."""
    config = apps.get_app_config("classifier")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="classifier")
    for name, codenames in (("reviewer", REVIEWER), ("staff", STAFF)):
        group = apps.get_model("auth", "Group").objects.get(name=name)
        group.permissions.add(*permissions.filter(codename__in=codenames))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("classifier", "0001_initial"), ("accounts", "0002_groups")]
    operations: ClassVar = [migrations.RunPython(grant, migrations.RunPython.noop)]

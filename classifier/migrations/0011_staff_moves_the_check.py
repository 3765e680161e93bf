"""Staff may move the nightly check: in a new database its permissions did not exist yet when 0010 wanted to grant them."""

from typing import Any, ClassVar

from django.contrib.auth.management import create_permissions
from django.db import migrations

STAFF = ("view_periodictask", "change_periodictask", "view_crontabschedule", "add_crontabschedule")


def grant(apps: Any, schema_editor: Any) -> None:
    config = apps.get_app_config("django_celery_beat")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="django_celery_beat", codename__in=STAFF
    )
    apps.get_model("auth", "Group").objects.get(name="staff").permissions.add(*permissions)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("classifier", "0010_nightly_check")]
    operations: ClassVar = [migrations.RunPython(grant, migrations.RunPython.noop)]

"""The nightly check whether a retraining is due: a row of its own, so that staff can move it in admin."""

from typing import Any, ClassVar

from django.db import migrations

NAME = "check-retraining"


def add(apps: Any, schema_editor: Any) -> None:
    schedule, _ = apps.get_model("django_celery_beat", "CrontabSchedule").objects.get_or_create(
        minute="30", hour="2", day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME, defaults={"task": "classifier.tasks.check_retraining", "crontab": schedule, "expire_seconds": 3600}
    )
    wanted = ("view_periodictask", "change_periodictask", "view_crontabschedule", "add_crontabschedule")
    permissions = apps.get_model("auth", "Permission").objects.filter(codename__in=wanted)
    apps.get_model("auth", "Group").objects.get(name="staff").permissions.add(*permissions)


def remove(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("classifier", "0009_queue_and_drawn_faces"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations: ClassVar = [migrations.RunPython(add, remove)]

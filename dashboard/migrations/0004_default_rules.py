"""The rules to begin with, which staff may change; and who may: staff edits rules and reads alerts."""

from typing import Any, ClassVar

from django.contrib.auth.management import create_permissions
from django.db import migrations

STAFF = ("view_alertrule", "add_alertrule", "change_alertrule", "delete_alertrule", "view_alert")
HOUR, DAY, WEEK, MONTH = 1, 24, 168, 720
BATCH = {"opens_batch": True}
# Name, metric, direction, threshold, window in hours, minimum, more. The shipped network is right on 7 of 10 faces of
# its test set, and on 6 of 10 by any measure something is wrong. Limits of drift come from the reference, by the number
# of faces; photos that always differ from it need a threshold of their own.
RULES: tuple[tuple[str, str, str, "float | None", int, int, dict[str, Any]], ...] = (
    ("Reviewed accuracy is low", "accuracy", "below", 0.55, WEEK, 50, BATCH),
    ("Accuracy is low", "corrected_accuracy", "below", 0.6, WEEK, 50, BATCH),
    ("Estimated accuracy is low", "estimated_accuracy", "below", 0.6, DAY, 50, BATCH),
    ("Confidences are not calibrated", "ece", "above", 0.15, MONTH, 200, {}),
    ("Many answers contradict", "correction_rate", "above", 0.5, WEEK, 50, {}),
    ("Labels have drifted", "label_drift", "above", None, DAY, 30, BATCH),
    ("Confidences have drifted", "confidence_drift", "above", None, DAY, 30, BATCH),
    ("Brightness has drifted", "brightness_drift", "above", None, DAY, 30, BATCH),
    ("Sharpness has drifted", "sharpness_drift", "above", None, DAY, 30, BATCH),
    ("Face size has drifted", "size_drift", "above", None, DAY, 30, BATCH),
    ("Many photos fail", "failure_share", "above", 0.05, 6 * HOUR, 20, {}),
    ("Photos take long", "p95_seconds", "above", 30.0, HOUR, 20, {}),
    ("Photos wait long", "queue_age", "above", 120.0, HOUR, 1, {}),
    ("The worker is silent", "worker_silent", "above", 3.0, HOUR, 1, {}),
)


def fill(apps: Any, schema_editor: Any) -> None:
    rules = apps.get_model("dashboard", "AlertRule").objects
    for name, metric, direction, threshold, hours, minimum, more in RULES:
        values = {"metric": metric, "direction": direction, "threshold": threshold, "window_hours": hours}
        rules.get_or_create(name=name, defaults={**values, "minimum": minimum, **more})
    config = apps.get_app_config("dashboard")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="dashboard")
    staff = apps.get_model("auth", "Group").objects.get(name="staff")
    staff.permissions.add(*permissions.filter(codename__in=STAFF))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("dashboard", "0003_alerts"), ("accounts", "0002_groups")]
    operations: ClassVar = [migrations.RunPython(fill, migrations.RunPython.noop)]

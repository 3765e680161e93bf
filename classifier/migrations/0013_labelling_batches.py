"""Labelling batches, which staff may look at and close; and answers that were asked for one."""

from typing import Any, ClassVar

import django.db.models.deletion
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

STAFF = ("view_labellingbatch", "close_labellingbatch")


def grant(apps: Any, schema_editor: Any) -> None:
    config = apps.get_app_config("classifier")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="classifier")
    staff = apps.get_model("auth", "Group").objects.get(name="staff")
    staff.permissions.add(*permissions.filter(codename__in=STAFF))


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("classifier", "0012_face_quality"),
        ("accounts", "0002_groups"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="correction",
            name="asked",
            field=models.CharField(
                choices=[
                    ("result", "on the result page"),
                    ("api", "over the API"),
                    ("uncertain", "in the queue, least certain first"),
                    ("random", "in the queue, at random"),
                    ("batch", "in the queue, from a batch"),
                ],
                max_length=9,
            ),
        ),
        migrations.CreateModel(
            name="LabellingBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="whoever labels its faces reads it", max_length=100)),
                ("why", models.TextField(help_text="for staff alone")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        help_text="nobody: an alert opened it",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "labelling batches",
                "ordering": ["-created_at", "-id"],
                "permissions": [("close_labellingbatch", "Can close a labelling batch")],
            },
        ),
        migrations.CreateModel(
            name="BatchFace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="batch_faces",
                        to="classifier.labellingbatch",
                    ),
                ),
                (
                    "face",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="batch_faces",
                        to="classifier.face",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("batch", "face"), name="one_row_per_batch_and_face"),
                ],
            },
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]

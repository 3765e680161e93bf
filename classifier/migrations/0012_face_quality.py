"""What the comparison with the training data needs: brightness and sharpness of a face's crop, and rows by their day."""

from typing import ClassVar

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("classifier", "0011_staff_moves_the_check")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="face",
            name="brightness",
            field=models.FloatField(
                blank=True, help_text="the crop's mean grey level, from 0 to 1 (white)", null=True
            ),
        ),
        migrations.AddField(
            model_name="face",
            name="sharpness",
            field=models.FloatField(
                blank=True, help_text="variance of the crop's Laplacian, in grey levels squared", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="face",
            constraint=models.CheckConstraint(
                condition=models.Q(("brightness__isnull", True))
                | models.Q(("brightness__gte", 0), ("brightness__lte", 1)),
                name="face_brightness_is_a_fraction",
            ),
        ),
        migrations.AddConstraint(
            model_name="face",
            constraint=models.CheckConstraint(
                condition=models.Q(("sharpness__isnull", True)) | models.Q(("sharpness__gte", 0)),
                name="face_sharpness_is_positive",
            ),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["created_at"], name="prediction_created", pages_per_range=32
            ),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["created_at"], name="upload_created", pages_per_range=32
            ),
        ),
    ]

"""Every leased row gets the same columns: an end of the lease, a fencing token, and a time when it is due."""

from datetime import timedelta

from django.db import migrations, models
from django.db.models import F


def name_due_times(apps, schema_editor):
    """What waited had its time in another column, or none."""
    bulk = apps.get_model("classifier", "BulkReview").objects.filter(state="pending")
    bulk.update(due_at=F("claimed_until"), claimed_until=None)
    runs = apps.get_model("classifier", "TrainingRun").objects.filter(state="queued")
    runs.update(due_at=F("created_at") + timedelta(seconds=60))


def put_due_times_back(apps, schema_editor):
    apps.get_model("classifier", "BulkReview").objects.filter(state="pending").update(claimed_until=F("due_at"))


class Migration(migrations.Migration):

    dependencies = [
        ('classifier', '0016_agree_without_a_label'),
    ]

    operations = [
        migrations.AddField(
            model_name='bulkreview',
            name='attempts',
            field=models.PositiveSmallIntegerField(default=0, help_text='claims that ended in no result, and the present one'),
        ),
        migrations.AddField(
            model_name='bulkreview',
            name='due_at',
            field=models.DateTimeField(blank=True, help_text='when the sweeper sends waiting work out again', null=True),
        ),
        migrations.AddField(
            model_name='bulkreview',
            name='fencing_token',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='the number of the latest claim'),
        ),
        migrations.AddField(
            model_name='face',
            name='claimed_until',
            field=models.DateTimeField(blank=True, help_text='the lease of the worker that has it', null=True),
        ),
        migrations.AddField(
            model_name='face',
            name='fencing_token',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='the number of the latest claim'),
        ),
        migrations.AddField(
            model_name='trainingrun',
            name='due_at',
            field=models.DateTimeField(blank=True, help_text='when the sweeper sends waiting work out again', null=True),
        ),
        migrations.AddField(
            model_name='trainingrun',
            name='fencing_token',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='the number of the latest claim'),
        ),
        migrations.AddField(
            model_name='upload',
            name='fencing_token',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='the number of the latest claim'),
        ),
        migrations.AlterField(
            model_name='bulkreview',
            name='claimed_until',
            field=models.DateTimeField(blank=True, help_text='the lease of the worker that has it', null=True),
        ),
        migrations.AlterField(
            model_name='face',
            name='attempts',
            field=models.PositiveSmallIntegerField(default=0, help_text='claims that ended in no result, and the present one'),
        ),
        migrations.AlterField(
            model_name='face',
            name='due_at',
            field=models.DateTimeField(blank=True, help_text='when the sweeper sends waiting work out again', null=True),
        ),
        migrations.AlterField(
            model_name='trainingrun',
            name='attempts',
            field=models.PositiveSmallIntegerField(default=0, help_text='claims that ended in no result, and the present one'),
        ),
        migrations.AlterField(
            model_name='trainingrun',
            name='claimed_until',
            field=models.DateTimeField(blank=True, help_text='the lease of the worker that has it', null=True),
        ),
        migrations.AlterField(
            model_name='upload',
            name='attempts',
            field=models.PositiveSmallIntegerField(default=0, help_text='claims that ended in no result, and the present one'),
        ),
        migrations.AlterField(
            model_name='upload',
            name='due_at',
            field=models.DateTimeField(blank=True, help_text='when the sweeper sends waiting work out again', null=True),
        ),
        migrations.RunPython(name_due_times, put_due_times_back, elidable=True),
    ]

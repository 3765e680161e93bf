"""Rules that figures are watched by, and the alerts that came of them."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('classifier', '0013_labelling_batches'),
        ('dashboard', '0002_stale_hours'),
    ]

    operations = [
        migrations.CreateModel(
            name='AlertRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='subject of the mail, and name of the batch', max_length=80, unique=True)),
                ('metric', models.CharField(choices=[('accuracy', 'accuracy on reviewed faces'), ('corrected_accuracy', 'accuracy corrected for which faces were reviewed'), ('estimated_accuracy', 'accuracy estimated without labels'), ('ece', 'calibration error (ECE)'), ('correction_rate', 'share of answers that contradict'), ('label_drift', 'drift of the labels'), ('confidence_drift', 'drift of the confidences'), ('brightness_drift', 'drift of the brightness'), ('sharpness_drift', 'drift of the sharpness'), ('size_drift', "drift of the faces' size"), ('failure_share', 'share of photos that fail'), ('p95_seconds', "95th percentile of a photo's time"), ('queue_age', 'wait of the oldest photo'), ('worker_silent', 'minutes without a sign of the worker')], max_length=20)),
                ('direction', models.CharField(choices=[('above', 'Above'), ('below', 'Below')], help_text='where it is bad', max_length=5)),
                ('threshold', models.FloatField(blank=True, help_text='a fraction (0.6 for 60 %), seconds, or minutes; empty for a drift: its own, from the reference', null=True)),
                ('window_hours', models.PositiveIntegerField(default=24, help_text='1 to 2,160', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2160)])),
                ('minimum', models.PositiveIntegerField(default=1, help_text='faces, answers, photos … that the figure must rest on: with fewer, the alert stays as it is', validators=[django.core.validators.MinValueValidator(1)])),
                ('source', models.CharField(blank=True, choices=[('page', 'page'), ('api', 'API')], default='', help_text='empty: page and API', max_length=5)),
                ('label', models.PositiveSmallIntegerField(blank=True, choices=[(0, 'angry'), (1, 'disgust'), (2, 'fear'), (3, 'happy'), (4, 'sad'), (5, 'surprise'), (6, 'neutral')], help_text='as predicted; empty: every label', null=True)),
                ('enabled', models.BooleanField(default=True)),
                ('emails', models.TextField(blank=True, default='', help_text='who gets a mail, separated by commas; empty: everybody of staff')),
                ('opens_batch', models.BooleanField(default=False, help_text='have faces of the window labelled first, when it is about what the network answers')),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('window_hours__gte', 1), ('window_hours__lte', 2160)), name='alert_window_is_bounded'), models.CheckConstraint(condition=models.Q(('minimum__gte', 1)), name='alert_minimum_is_positive'), models.CheckConstraint(condition=models.Q(('threshold__isnull', False), ('metric__endswith', '_drift'), _connector='OR'), name='only_drift_has_a_threshold')],
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('opened_at', models.DateTimeField(db_index=True)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('value', models.FloatField(help_text='when it opened')),
                ('last_value', models.FloatField(help_text='at the last check that had enough to go by')),
                ('n', models.BigIntegerField(help_text='what the value rested on when it opened')),
                ('threshold', models.FloatField(help_text='when it opened')),
                ('window_start', models.DateTimeField()),
                ('window_end', models.DateTimeField()),
                ('text', models.TextField()),
                ('emailed_at', models.DateTimeField(help_text='when a mail said that it opened', null=True)),
                ('resolution_emailed_at', models.DateTimeField(help_text='when a mail said that it was resolved', null=True)),
                ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='classifier.labellingbatch')),
                ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='dashboard.alertrule')),
            ],
            options={
                'ordering': ['-opened_at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('resolved_at__isnull', True)), fields=('rule',), name='one_open_alert')],
            },
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    """A reviewer may agree that a face shows no expression, or is none: such an answer is approved without a label."""

    dependencies = [
        ('classifier', '0015_upload_ms'),
    ]

    operations = [
        migrations.AlterField(
            model_name='correction',
            name='final_label',
            field=models.PositiveSmallIntegerField(choices=[(0, 'angry'), (1, 'disgust'), (2, 'fear'), (3, 'happy'), (4, 'sad'), (5, 'surprise'), (6, 'neutral')], help_text="what was approved: the author's label, or the reviewer's own; none where neither named one", null=True),
        ),
        migrations.RemoveConstraint(
            model_name='correction',
            name='approved_answers_have_a_label',
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('final_label__isnull', False), ('state', 'approved')), models.Q(('answer__in', [7, 8]), ('state', 'approved')), models.Q(models.Q(('state', 'approved'), _negated=True), ('final_label', None)), _connector='OR'), name='approved_answers_have_a_label'),
        ),
    ]

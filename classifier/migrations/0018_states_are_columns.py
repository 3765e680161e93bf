"""What sentences said is in columns: a roll-back, an approved label that gives no sample, who rejected a version."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

ROLLED_BACK, REJECTED = "rolled back: ", "Rejected: "
WITHHELD = {
    "like_test": "Approved, but too like a test image: networks are measured with that one, none learns from this.",
    "replaced": "Approved, but later another answer about this face was: that one counts instead.",
}
# The trigger that keeps promotions as they are: for this migration it lets all pass, afterwards it keeps their kind too.
PASS = """
CREATE OR REPLACE FUNCTION classifier_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEW;
END $$;
"""
KEEP = """
CREATE OR REPLACE FUNCTION classifier_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An erased account leaves the row without its name.
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'classifier_snapshot' THEN
        IF (NEW.digest, NEW.size, NEW.train_counts, NEW.test_counts, NEW.corrections, NEW.created_at) IS NOT DISTINCT FROM
           (OLD.digest, OLD.size, OLD.train_counts, OLD.test_counts, OLD.corrections, OLD.created_at)
           AND NEW.created_by_id IS NULL THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'classifier_promotion' THEN
        IF (NEW.version_id, NEW.previous_id, %s NEW.reason, NEW.at) IS NOT DISTINCT FROM
           (OLD.version_id, OLD.previous_id, %s OLD.reason, OLD.at) AND NEW.actor_id IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""


def fill_columns(apps, schema_editor):
    """From the sentences that were written so far; the sentences stay."""
    schema_editor.execute(PASS, params=None)
    _name_rollbacks(apps.get_model("classifier", "Promotion"))
    schema_editor.execute(KEEP % ("NEW.kind,", "OLD.kind,"), params=None)
    approved = apps.get_model("classifier", "Correction").objects.filter(state="approved")
    for withheld, reason in WITHHELD.items():
        approved.filter(reason=reason).update(withheld=withheld)
    _name_rejections(apps)


def forget_kinds(apps, schema_editor):
    """The trigger as it was: the column goes."""
    schema_editor.execute(KEEP % ("", ""), params=None)


def _name_rollbacks(promotions):
    """A step back led to the version that served before; whoever typed the same words about another one did not."""
    served = []
    for promotion in promotions.objects.order_by("at", "pk"):
        if promotion.reason.startswith(ROLLED_BACK) and served[-2:-1] == [promotion.version_id]:
            promotions.objects.filter(pk=promotion.pk).update(kind="rolled_back")
            served.pop()
        if served[-1:] != [promotion.version_id]:
            served.append(promotion.version_id)


def _name_rejections(apps):
    """From the lines that the buttons of a version left in its history."""
    lines = apps.get_model("admin", "LogEntry").objects.filter(
        content_type__app_label="classifier", content_type__model="version", change_message__startswith=REJECTED
    )
    rejected = apps.get_model("classifier", "Version").objects.filter(state="rejected")
    for line in lines.order_by("action_time"):
        rejected.filter(pk=line.object_id).update(
            rejected_by=line.user_id,
            rejected_at=line.action_time,
            rejection_reason=line.change_message.removeprefix(REJECTED),
        )


class Migration(migrations.Migration):

    dependencies = [
        ('classifier', '0017_leases'),
        ('admin', '0003_logentry_add_action_flag_choices'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='correction',
            name='withheld',
            field=models.CharField(blank=True, choices=[('like_test', 'too like a test image'), ('replaced', 'a later answer about this face was approved')], db_default='', default='', help_text='why it gives no sample though it was approved; empty where nothing withholds it', max_length=9),
        ),
        migrations.AddField(
            model_name='promotion',
            name='kind',
            field=models.CharField(choices=[('promoted', 'Promoted'), ('rolled_back', 'rolled back')], default='promoted', max_length=11),
        ),
        migrations.AddField(
            model_name='version',
            name='rejected_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='version',
            name='rejected_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='version',
            name='rejection_reason',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AlterField(
            model_name='trainingrun',
            name='options',
            field=models.JSONField(default=dict, help_text='epochs, rates, weights: see ml.recipe.TrainingConfig'),
        ),
        migrations.RunPython(fill_columns, forget_kinds),
    ]

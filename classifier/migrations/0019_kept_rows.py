"""The rules of 0005, 0008 and 0018 stand beside the models now: new triggers for the old ones, rows as they are."""

from importlib import import_module

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

ANSWERS, HISTORY, STATES = (
    import_module(f"classifier.migrations.{name}")
    for name in ("0005_keep_answers", "0008_keep_history", "0018_states_are_columns")
)


class Migration(migrations.Migration):

    dependencies = [
        ('classifier', '0018_states_are_columns'),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, STATES.KEEP % ("NEW.kind,", "OLD.kind,")),
        migrations.RunSQL(HISTORY.DROP, HISTORY.KEEP),
        migrations.RunSQL(ANSWERS.DROP, ANSWERS.KEEP),
        pgtrigger.migrations.AddTrigger(
            model_name='correction',
            trigger=pgtrigger.compiler.Trigger(name='keep_answer', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."answer" IS DISTINCT FROM (NEW."answer") OR OLD."asked" IS DISTINCT FROM (NEW."asked") OR OLD."author_id" IS DISTINCT FROM (NEW."author_id") OR OLD."blind" IS DISTINCT FROM (NEW."blind") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."face_id" IS DISTINCT FROM (NEW."face_id") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."prediction_id" IS DISTINCT FROM (NEW."prediction_id"))', func="RAISE EXCEPTION 'an answer is never edited: append another' USING ERRCODE = 'restrict_violation';", hash='b1a91aacc2e71e58e3c4737c8b8308303a2d3b77', operation='UPDATE', pgid='pgtrigger_keep_answer_3bde8', table='classifier_correction', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='correction',
            trigger=pgtrigger.compiler.Trigger(name='keep_state', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NOT (OLD."state" = \'pending\') AND OLD."state" IS DISTINCT FROM (NEW."state"))', func="RAISE EXCEPTION 'a % answer stays so', OLD.state USING ERRCODE = 'restrict_violation';", hash='78f250ea3ac3634f6e6ba8c0554dc9803ecef05a', operation='UPDATE', pgid='pgtrigger_keep_state_9b21c', table='classifier_correction', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='correction',
            trigger=pgtrigger.compiler.Trigger(name='refuse_delete', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (current_setting('fersite.erasing', true) IS DISTINCT FROM 'on')", func="RAISE EXCEPTION '% is append-only: rows go only with their photo', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='3d6adb3a245f002cee15de41ac921250b8dd8e99', operation='DELETE', pgid='pgtrigger_refuse_delete_a828b', table='classifier_correction', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='correctionevent',
            trigger=pgtrigger.compiler.Trigger(name='keep_row', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."correction_id" IS DISTINCT FROM (NEW."correction_id") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."state" IS DISTINCT FROM (NEW."state"))', func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='76742e9156cb903e264654bd4edc2800de1cf16a', operation='UPDATE', pgid='pgtrigger_keep_row_be612', table='classifier_correctionevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='correctionevent',
            trigger=pgtrigger.compiler.Trigger(name='keep_name', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."actor_id" IS NOT NULL)', func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='96b99770e72b60c8dd63be4d249fd4a5f9ceb5f0', operation='UPDATE', pgid='pgtrigger_keep_name_806a0', table='classifier_correctionevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='correctionevent',
            trigger=pgtrigger.compiler.Trigger(name='refuse_delete', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (current_setting('fersite.erasing', true) IS DISTINCT FROM 'on')", func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='e36d832262cb6b960a0cbbf8505e496d6f860230', operation='DELETE', pgid='pgtrigger_refuse_delete_58b5b', table='classifier_correctionevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='gatedecision',
            trigger=pgtrigger.compiler.Trigger(name='keep_row', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='ceb13b748484535db47ae0632016c6a8ee8151d1', operation='UPDATE OR DELETE', pgid='pgtrigger_keep_row_8c5ef', table='classifier_gatedecision', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='promotion',
            trigger=pgtrigger.compiler.Trigger(name='keep_row', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."previous_id" IS DISTINCT FROM (NEW."previous_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."version_id" IS DISTINCT FROM (NEW."version_id"))', func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='0bb1c17961a5bd16aaecc2705ec1590c0ba03d28', operation='UPDATE', pgid='pgtrigger_keep_row_138a8', table='classifier_promotion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='promotion',
            trigger=pgtrigger.compiler.Trigger(name='keep_name', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."actor_id" IS NOT NULL)', func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='26e5848b253976a436dcad22fcdd927083f41b27', operation='UPDATE', pgid='pgtrigger_keep_name_c8f2e', table='classifier_promotion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='promotion',
            trigger=pgtrigger.compiler.Trigger(name='refuse_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='ccbb1f74d8e294e84e3cee3a652b4f6c68856b8f', operation='DELETE', pgid='pgtrigger_refuse_delete_317ef', table='classifier_promotion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='snapshot',
            trigger=pgtrigger.compiler.Trigger(name='keep_row', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."corrections" IS DISTINCT FROM (NEW."corrections") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."digest" IS DISTINCT FROM (NEW."digest") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."test_counts" IS DISTINCT FROM (NEW."test_counts") OR OLD."train_counts" IS DISTINCT FROM (NEW."train_counts"))', func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='05ca42326eb7612d077f66223cb58db5d58042ed', operation='UPDATE', pgid='pgtrigger_keep_row_a3fee', table='classifier_snapshot', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='snapshot',
            trigger=pgtrigger.compiler.Trigger(name='keep_name', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."created_by_id" IS NOT NULL)', func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='856d0fe3eed58d15620c3f017322085941f6fa11', operation='UPDATE', pgid='pgtrigger_keep_name_09d12', table='classifier_snapshot', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='snapshot',
            trigger=pgtrigger.compiler.Trigger(name='refuse_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='e66f2e6f11a02500180d2319a8af4275a42ccc2c', operation='DELETE', pgid='pgtrigger_refuse_delete_b661a', table='classifier_snapshot', when='BEFORE')),
        ),
    ]

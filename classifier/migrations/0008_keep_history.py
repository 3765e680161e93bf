"""Snapshots, promotions and gate decisions stay as they were written; staff may manage training, and all may look."""

from typing import Any, ClassVar

from django.contrib.auth.management import create_permissions
from django.db import migrations

KEEP = """
CREATE FUNCTION classifier_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An erased account leaves the row without its name.
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'classifier_snapshot' THEN
        IF (NEW.digest, NEW.size, NEW.train_counts, NEW.test_counts, NEW.corrections, NEW.created_at) IS NOT DISTINCT FROM
           (OLD.digest, OLD.size, OLD.train_counts, OLD.test_counts, OLD.corrections, OLD.created_at)
           AND NEW.created_by_id IS NULL THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'classifier_promotion' THEN
        IF (NEW.version_id, NEW.previous_id, NEW.reason, NEW.at) IS NOT DISTINCT FROM
           (OLD.version_id, OLD.previous_id, OLD.reason, OLD.at) AND NEW.actor_id IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER keep_snapshot BEFORE UPDATE OR DELETE ON classifier_snapshot
    FOR EACH ROW EXECUTE FUNCTION classifier_keep_history();
CREATE TRIGGER keep_promotion BEFORE UPDATE OR DELETE ON classifier_promotion
    FOR EACH ROW EXECUTE FUNCTION classifier_keep_history();
CREATE TRIGGER keep_decision BEFORE UPDATE OR DELETE ON classifier_gatedecision
    FOR EACH ROW EXECUTE FUNCTION classifier_keep_history();
"""
DROP = """
DROP TRIGGER keep_decision ON classifier_gatedecision;
DROP TRIGGER keep_promotion ON classifier_promotion;
DROP TRIGGER keep_snapshot ON classifier_snapshot;
DROP FUNCTION classifier_keep_history();
"""


def grant(apps: Any, schema_editor: Any) -> None:
    config = apps.get_app_config("classifier")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="classifier")
    seen = ("view_trainingrun", "view_gatedecision", "view_snapshot", "manage_training")
    groups = apps.get_model("auth", "Group").objects
    groups.get(name="staff").permissions.add(*permissions.filter(codename__in=(*seen, "view_bulkreview")))
    groups.get(name="reviewer").permissions.add(*permissions.filter(codename="view_bulkreview"))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("classifier", "0007_snapshots_and_training"), ("accounts", "0002_groups")]
    operations: ClassVar = [migrations.RunSQL(KEEP, DROP), migrations.RunPython(grant, migrations.RunPython.noop)]

"""What a person answered is never edited and goes only with the photo; reviewers and staff may see and judge it."""

from typing import Any, ClassVar

from django.contrib.auth.management import create_permissions
from django.db import migrations

KEEP = """
CREATE FUNCTION classifier_keep_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- classifier.feedback.allow_erasing: the photo itself is being erased.
        IF current_setting('fersite.erasing', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION '% is append-only: rows go only with their photo', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_TABLE_NAME = 'classifier_correctionevent' THEN
        IF (NEW.correction_id, NEW.state, NEW.reason, NEW.at) IS DISTINCT FROM
           (OLD.correction_id, OLD.state, OLD.reason, OLD.at) OR NEW.actor_id IS NOT NULL THEN
            RAISE EXCEPTION 'classifier_correctionevent is append-only' USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF (NEW.face_id, NEW.author_id, NEW.prediction_id, NEW.answer, NEW.blind, NEW.asked, NEW.created_at)
        IS DISTINCT FROM
        (OLD.face_id, OLD.author_id, OLD.prediction_id, OLD.answer, OLD.blind, OLD.asked, OLD.created_at) THEN
        RAISE EXCEPTION 'an answer is never edited: append another' USING ERRCODE = 'restrict_violation';
    ELSIF OLD.state <> 'pending' AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'a % answer stays so', OLD.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_answer BEFORE UPDATE OR DELETE ON classifier_correction
    FOR EACH ROW EXECUTE FUNCTION classifier_keep_answer();
CREATE TRIGGER keep_event BEFORE UPDATE OR DELETE ON classifier_correctionevent
    FOR EACH ROW EXECUTE FUNCTION classifier_keep_answer();
"""
DROP = """
DROP TRIGGER keep_event ON classifier_correctionevent;
DROP TRIGGER keep_answer ON classifier_correction;
DROP FUNCTION classifier_keep_answer();
"""


def grant(apps: Any, schema_editor: Any) -> None:
    config = apps.get_app_config("classifier")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="classifier")
    for name in ("reviewer", "staff"):
        group = apps.get_model("auth", "Group").objects.get(name=name)
        group.permissions.add(*permissions.filter(codename__in=("view_correction", "review_correction")))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("classifier", "0004_correction"), ("accounts", "0002_groups")]
    operations: ClassVar = [migrations.RunSQL(KEEP, DROP), migrations.RunPython(grant, migrations.RunPython.noop)]

"""Triggers that name the hours whose rollups a change makes stale, in the change's own transaction.

Each runs once for a statement and reads the rows it touched, before and after, as `changed`.
"""

from typing import ClassVar

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION dashboard_stale_uploads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dashboard_stalehour (kind, hour)
    SELECT DISTINCT 'u', date_trunc('hour', created_at, 'UTC') FROM changed;
    RETURN NULL;
END $$;

CREATE FUNCTION dashboard_stale_predictions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A silent prediction is compared under the hour of the one that was shown.
    INSERT INTO dashboard_stalehour (kind, hour)
    SELECT 'p', date_trunc('hour', created_at, 'UTC') FROM changed
    UNION
    SELECT 'p', date_trunc('hour', shown.created_at, 'UTC')
    FROM changed JOIN classifier_prediction shown ON shown.face_id = changed.face_id AND NOT shown.shadow
    WHERE changed.shadow;
    RETURN NULL;
END $$;

CREATE FUNCTION dashboard_stale_corrections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dashboard_stalehour (kind, hour)
    SELECT DISTINCT 'p', date_trunc('hour', prediction.created_at, 'UTC')
    FROM changed JOIN classifier_prediction prediction ON prediction.face_id = changed.face_id;
    RETURN NULL;
END $$;

CREATE FUNCTION dashboard_stale_samples() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dashboard_stalehour (kind, hour)
    SELECT DISTINCT 's', date_trunc('hour', created_at, 'UTC') FROM changed;
    RETURN NULL;
END $$;

CREATE FUNCTION dashboard_stale_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dashboard_stalehour (kind, hour)
    SELECT DISTINCT 's', date_trunc('hour', sample.created_at, 'UTC')
    FROM was JOIN changed USING (id)
    JOIN classifier_face face ON face.upload_id = changed.id
    JOIN classifier_correction correction ON correction.face_id = face.id
    JOIN classifier_sample sample ON sample.correction_id = correction.id
    WHERE was.consent_training <> changed.consent_training;
    RETURN NULL;
END $$;
"""
WATCHED = ("upload", "prediction", "correction", "sample")
EVENTS = {"new": "INSERT", "gone": "DELETE", "before": "UPDATE", "after": "UPDATE"}


def make_triggers() -> str:
    """Four for each table: the rows before and after an update are two tables to PostgreSQL."""
    made = [
        f"CREATE TRIGGER stale_{name} AFTER {event} ON classifier_{table}"
        f" REFERENCING {'NEW' if name in ('new', 'after') else 'OLD'} TABLE AS changed"
        f" FOR EACH STATEMENT EXECUTE FUNCTION dashboard_stale_{table}s();"
        for table in WATCHED
        for name, event in EVENTS.items()
    ]
    made.append(
        "CREATE TRIGGER stale_consent AFTER UPDATE ON classifier_upload REFERENCING OLD TABLE AS was NEW TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION dashboard_stale_consent();"
    )
    return "\n".join(made)


def drop_triggers() -> str:
    """And the functions they call."""
    gone = [f"DROP TRIGGER stale_{name} ON classifier_{table};" for table in WATCHED for name in EVENTS]
    gone.append("DROP TRIGGER stale_consent ON classifier_upload;")
    gone += [f"DROP FUNCTION dashboard_stale_{name}();" for name in (*(f"{table}s" for table in WATCHED), "consent")]
    return "\n".join(gone)


# What was there before the triggers.
OLD_ROWS = """
INSERT INTO dashboard_stalehour (kind, hour)
SELECT DISTINCT 'u', date_trunc('hour', created_at, 'UTC') FROM classifier_upload
UNION SELECT DISTINCT 'p', date_trunc('hour', created_at, 'UTC') FROM classifier_prediction
UNION SELECT DISTINCT 's', date_trunc('hour', created_at, 'UTC') FROM classifier_sample;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("dashboard", "0001_initial"), ("classifier", "0012_face_quality")]
    operations: ClassVar = [
        migrations.RunSQL(FUNCTIONS + make_triggers(), drop_triggers()),
        migrations.RunSQL(OLD_ROWS, migrations.RunSQL.noop),
    ]

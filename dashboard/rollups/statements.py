"""The SQL of the rollups: each table's hours of a range from the product's rows, and its day from its hours.

Made of the models' own field names; the only values that enter are %(start)s and %(end)s.
"""

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField

from dashboard.models import (
    AgreementRollup,
    AnswerRollup,
    PredictionRollup,
    SampleRollup,
    ShadowRollup,
    StaleHour,
    UploadRollup,
)
from dashboard.models.buckets import EDGES, bucket_count
from dashboard.models.rollup import Rollup

MILLION = 1_000_000
KINDS: dict[str, tuple[type[Rollup], ...]] = {
    StaleHour.Kind.UPLOAD: (UploadRollup,),
    StaleHour.Kind.PREDICTION: (PredictionRollup, AnswerRollup, ShadowRollup, AgreementRollup),
    StaleHour.Kind.SAMPLE: (SampleRollup,),
}
TABLES = {kind: tuple(model._meta.db_table for model in models) for kind, models in KINDS.items()}


def bucket_of(name: str, value: str) -> str:
    """The bucket of an expression, from 0; NULL where it is NULL."""
    edges = ",".join(str(float(edge)) for edge in EDGES[name])
    return f"width_bucket(({value})::double precision, ARRAY[{edges}]::double precision[])"


def count_buckets(name: str, bucket: str, when: str = "true") -> str:
    """An array of how many rows fall into each bucket."""
    return count_values(bucket, bucket_count(name), when)


def count_values(value: str, number: int, when: str = "true") -> str:
    """An array of how many rows have each value from 0."""
    return f"ARRAY[{','.join(f'count(*) FILTER (WHERE {value} = {i} AND {when})' for i in range(number))}]"


def sum_buckets(name: str, bucket: str, value: str, when: str) -> str:
    """An array of an expression's sum in each bucket."""
    sums = (
        f"coalesce(sum({value}) FILTER (WHERE {bucket} = {i} AND {when}), 0)::bigint" for i in range(bucket_count(name))
    )
    return f"ARRAY[{','.join(sums)}]"


def millionths(value: str) -> str:
    """Whole millionths: sums of them do not depend on the order of the rows."""
    return f"round({value} * {MILLION})::bigint"


def hour_of(table: str) -> str:
    """The hour in which a row was made."""
    return f"date_trunc('hour', {table}.created_at, 'UTC')"


# Times in seconds; photos that are not finished have none. greatest() takes NULL for the least there is: where the
# network was not asked, nothing waited for it.
TOOK = "extract(epoch FROM finished_at - created_at)"
WAITED = f"CASE WHEN ms IS NOT NULL THEN greatest({TOOK} - ms / 1000, 0) END"
UPLOADS = f"""
WITH timed AS (
    SELECT {hour_of("classifier_upload")} AS hour, source, status, error,
        {bucket_of("seconds", TOOK)} AS total,
        {bucket_of("seconds", WAITED)} AS wait,
        {bucket_of("seconds", "ms / 1000")} AS work
    FROM classifier_upload
    WHERE created_at >= %(start)s AND created_at < %(end)s AND source <> 'probe'
)
INSERT INTO dashboard_uploadrollup
    (grain, start, source, status, error, uploads, total_bins, wait_bins, work_bins)
SELECT 'h', hour, source, status, error, count(*),
    {count_buckets("seconds", "total")}, {count_buckets("seconds", "wait")}, {count_buckets("seconds", "work")}
FROM timed GROUP BY hour, source, status, error
"""

PREDICTIONS = f"""
WITH measured AS (
    SELECT {hour_of("prediction")} AS hour, prediction.version_id, prediction.shadow, upload.source, prediction.label,
        prediction.confidence,
        {bucket_of("confidence", "prediction.confidence")} AS confidence_bucket,
        {bucket_of("brightness", "face.brightness")} AS brightness_bucket,
        {bucket_of("sharpness", "face.sharpness")} AS sharpness_bucket,
        {bucket_of("size", "least(face.width, face.height)")} AS size_bucket
    FROM classifier_prediction prediction
    JOIN classifier_face face ON face.id = prediction.face_id
    JOIN classifier_upload upload ON upload.id = face.upload_id
    WHERE prediction.created_at >= %(start)s AND prediction.created_at < %(end)s AND upload.source <> 'probe'
)
INSERT INTO dashboard_predictionrollup
    (grain, start, version_id, shadow, source, label, faces, confidence_sum,
     confidence_bins, brightness_bins, sharpness_bins, size_bins)
SELECT 'h', hour, version_id, shadow, source, label, count(*), sum({millionths("confidence")}),
    {count_buckets("confidence", "confidence_bucket")}, {count_buckets("brightness", "brightness_bucket")},
    {count_buckets("sharpness", "sharpness_bucket")}, {count_buckets("size", "size_bucket")}
FROM measured GROUP BY hour, version_id, shadow, source, label
"""

# first: the first answer about a face; truth: the answer about it that was approved last, if that is a label.
ANSWERS = f"""
WITH said AS (
    SELECT {hour_of("prediction")} AS hour,
        correction.answer, correction.final_label, correction.asked, correction.blind, correction.state,
        prediction.version_id, prediction.label, prediction.confidence, upload.source,
        {bucket_of("confidence", "prediction.confidence")} AS bucket,
        row_number() OVER (
            PARTITION BY correction.face_id, {hour_of("prediction")} ORDER BY correction.created_at, correction.id
        ) = 1 AS first,
        correction.state = 'approved' AND correction.final_label IS NOT NULL AND row_number() OVER (
            PARTITION BY correction.face_id, {hour_of("prediction")}, correction.state = 'approved'
            ORDER BY correction.reviewed_at DESC NULLS LAST, correction.id DESC
        ) = 1 AS truth
    FROM classifier_prediction prediction
    JOIN classifier_correction correction ON correction.prediction_id = prediction.id
    JOIN classifier_face face ON face.id = prediction.face_id
    JOIN classifier_upload upload ON upload.id = face.upload_id
    WHERE prediction.created_at >= %(start)s AND prediction.created_at < %(end)s
        AND upload.source <> 'probe' AND correction.state <> 'withdrawn'
)
INSERT INTO dashboard_answerrollup
    (grain, start, version_id, source, label, asked, blind, answers, agreeing, unclear, not_a_face,
     pending, approved, rejected, answered, truths, reviewed_bins, right_bins, reviewed_sums)
SELECT 'h', hour, version_id, source, label, asked, blind, count(*),
    count(*) FILTER (WHERE answer = label), count(*) FILTER (WHERE answer = 7), count(*) FILTER (WHERE answer = 8),
    count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'approved'),
    count(*) FILTER (WHERE state = 'rejected'), count(*) FILTER (WHERE first),
    {count_values("final_label", 7, "truth")},
    {count_buckets("confidence", "bucket", "truth")},
    {count_buckets("confidence", "bucket", "truth AND final_label = label")},
    {sum_buckets("confidence", "bucket", millionths("confidence"), "truth")}
FROM said GROUP BY hour, version_id, source, label, asked, blind
"""

SHADOWS = f"""
WITH pairs AS (
    SELECT {hour_of("shown")} AS hour, silent.version_id, shown.version_id AS champion_id, upload.source,
        silent.label AS silent_label, shown.label AS shown_label,
        (SELECT correction.final_label FROM classifier_correction correction
         WHERE correction.face_id = face.id AND correction.state = 'approved'
         ORDER BY correction.reviewed_at DESC NULLS LAST, correction.id DESC LIMIT 1) AS truth
    FROM classifier_prediction shown
    JOIN classifier_prediction silent ON silent.face_id = shown.face_id AND silent.shadow
    JOIN classifier_face face ON face.id = shown.face_id
    JOIN classifier_upload upload ON upload.id = face.upload_id
    WHERE shown.created_at >= %(start)s AND shown.created_at < %(end)s
        AND NOT shown.shadow AND upload.source <> 'probe'
)
INSERT INTO dashboard_shadowrollup
    (grain, start, version_id, champion_id, source, faces, agreeing, reviewed, "right", champion_right)
SELECT 'h', hour, version_id, champion_id, source, count(*), count(*) FILTER (WHERE silent_label = shown_label),
    count(truth), count(*) FILTER (WHERE silent_label = truth), count(*) FILTER (WHERE shown_label = truth)
FROM pairs GROUP BY hour, version_id, champion_id, source
"""

# A face counts under its first shown prediction; of each person the latest standing answer.
AGREEMENT = f"""
WITH votes AS (
    SELECT DISTINCT ON (correction.face_id, correction.author_id)
        {hour_of("prediction")} AS hour, correction.face_id, upload.source, correction.answer
    FROM classifier_prediction prediction
    JOIN classifier_correction correction ON correction.face_id = prediction.face_id
    JOIN classifier_face face ON face.id = prediction.face_id
    JOIN classifier_upload upload ON upload.id = face.upload_id
    WHERE prediction.created_at >= %(start)s AND prediction.created_at < %(end)s
        AND NOT prediction.shadow AND upload.source <> 'probe' AND correction.state <> 'withdrawn'
        AND NOT EXISTS (
            SELECT 1 FROM classifier_prediction earlier
            WHERE earlier.face_id = prediction.face_id AND NOT earlier.shadow AND earlier.id < prediction.id
        )
    ORDER BY correction.face_id, correction.author_id, correction.created_at DESC, correction.id DESC
), counted AS (
    SELECT hour, face_id, source, count(*) AS people, {count_values("answer", 9)} AS answers FROM votes
    GROUP BY hour, face_id, source HAVING count(*) >= 2
), agreed AS (
    SELECT hour, source, answers,
        (SELECT sum(said * (said - 1)) FROM unnest(answers) AS said) / (people * (people - 1)) AS share
    FROM counted
)
INSERT INTO dashboard_agreementrollup (grain, start, source, faces, agreeing_sum, answers)
SELECT 'h', hour, source, count(*), sum({millionths("share")}),
    ARRAY[{",".join(f"sum(answers[{i}])::bigint" for i in range(1, 10))}]
FROM agreed GROUP BY hour, source
"""

SAMPLES = f"""
INSERT INTO dashboard_samplerollup (grain, start, source, split, label, samples)
SELECT 'h', {hour_of("sample")}, sample.source, sample.split, sample.label, count(*)
FROM classifier_sample sample
LEFT JOIN classifier_correction correction ON correction.id = sample.correction_id
LEFT JOIN classifier_face face ON face.id = correction.face_id
LEFT JOIN classifier_upload upload ON upload.id = face.upload_id
WHERE sample.created_at >= %(start)s AND sample.created_at < %(end)s
    AND (sample.correction_id IS NULL OR upload.consent_training)
GROUP BY {hour_of("sample")}, sample.source, sample.split, sample.label
"""

HOURS = {
    UploadRollup._meta.db_table: UPLOADS,
    PredictionRollup._meta.db_table: PREDICTIONS,
    AnswerRollup._meta.db_table: ANSWERS,
    ShadowRollup._meta.db_table: SHADOWS,
    AgreementRollup._meta.db_table: AGREEMENT,
    SampleRollup._meta.db_table: SAMPLES,
}


def sum_hours(model: type[Rollup]) -> str:
    """A day's rows: the sums of its hours, arrays element by element."""
    keys, sums = [], []
    for field in model._meta.concrete_fields:
        column = f'"{field.column}"'
        if isinstance(field, ArrayField):
            parts = ",".join(f"sum({column}[{i}])::bigint" for i in range(1, (field.size or 0) + 1))
            sums.append((column, f"ARRAY[{parts}]"))
        elif type(field) is BigIntegerField:
            sums.append((column, f"sum({column})"))
        elif field.name not in ("id", "grain", "start"):
            keys.append(column)
    columns = ", ".join([*keys, *(column for column, _ in sums)])
    values = ", ".join([*keys, *(value for _, value in sums)])
    table = model._meta.db_table
    return (
        f"INSERT INTO {table} (grain, start, {columns}) SELECT 'd', %(start)s, {values} FROM {table}"
        f" WHERE grain = 'h' AND start >= %(start)s AND start < %(end)s GROUP BY {', '.join(keys)}"
    )


DAYS = {model._meta.db_table: sum_hours(model) for models in KINDS.values() for model in models}

"""The dashboard's tables: rollups, what made them stale, samples of the queue, alerts and their rules."""

from dashboard.models.alert import Alert, AlertRule
from dashboard.models.metric import Metric
from dashboard.models.queue import QueueSample
from dashboard.models.replay import Replay
from dashboard.models.rollup import (
    AgreementRollup,
    AnswerRollup,
    Grain,
    PredictionRollup,
    SampleRollup,
    ShadowRollup,
    StaleHour,
    UploadRollup,
)

__all__ = [
    "AgreementRollup",
    "Alert",
    "AlertRule",
    "AnswerRollup",
    "Grain",
    "Metric",
    "PredictionRollup",
    "QueueSample",
    "Replay",
    "SampleRollup",
    "ShadowRollup",
    "StaleHour",
    "UploadRollup",
]

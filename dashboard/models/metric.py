"""What an alert can watch: each figure's name, its unit, what it is counted over, and which filters it has."""

from django.db import models


class Metric(models.TextChoices):
    """How each is computed stands in dashboard.figures.measures."""

    ACCURACY = "accuracy", "accuracy on reviewed faces"
    CORRECTED_ACCURACY = "corrected_accuracy", "accuracy corrected for which faces were reviewed"
    ESTIMATED_ACCURACY = "estimated_accuracy", "accuracy estimated without labels"
    ECE = "ece", "calibration error (ECE)"
    CORRECTION_RATE = "correction_rate", "share of answers that contradict"
    LABEL_DRIFT = "label_drift", "drift of the labels"
    CONFIDENCE_DRIFT = "confidence_drift", "drift of the confidences"
    BRIGHTNESS_DRIFT = "brightness_drift", "drift of the brightness"
    SHARPNESS_DRIFT = "sharpness_drift", "drift of the sharpness"
    SIZE_DRIFT = "size_drift", "drift of the faces' size"
    FAILURE_SHARE = "failure_share", "share of photos that fail"
    P95_SECONDS = "p95_seconds", "95th percentile of a photo's time"
    QUEUE_AGE = "queue_age", "wait of the oldest photo"
    WORKER_SILENT = "worker_silent", "minutes without a sign of the worker"

    @property
    def is_drift(self) -> bool:
        """Whether it is compared with a reference, which gives a threshold of its own."""
        return self.value.endswith("_drift")

    @property
    def is_share(self) -> bool:
        """Whether it is a fraction from 0 to 1."""
        return self not in (self.P95_SECONDS, self.QUEUE_AGE, self.WORKER_SILENT) and not self.is_drift

    @property
    def is_about_answers(self) -> bool:
        """Whether it is about what the network answers: labels of the faces in question would help."""
        return self.is_drift or (self.is_share and self != self.FAILURE_SHARE)

    @property
    def filters(self) -> frozenset[str]:
        """Which of "source" and "label" it can be narrowed to."""
        if self in (self.QUEUE_AGE, self.WORKER_SILENT):
            return frozenset()
        if self in (self.FAILURE_SHARE, self.P95_SECONDS, self.LABEL_DRIFT):
            return frozenset({"source"})
        return frozenset({"source", "label"})

    @property
    def counted(self) -> str:
        """What n is the number of; "" for looks at the queue, of which the latest counts."""
        if self in (self.QUEUE_AGE, self.WORKER_SILENT):
            return ""
        if self in (self.FAILURE_SHARE, self.P95_SECONDS):
            return "finished photos"
        if self in (self.ACCURACY, self.CORRECTED_ACCURACY, self.ECE):
            return "reviewed faces"
        return "answers" if self == self.CORRECTION_RATE else "faces"

    def describe(self, value: float) -> str:
        """A value with its unit."""
        if self.is_share:
            return f"{100 * value:.1f} %"
        if self in (self.P95_SECONDS, self.QUEUE_AGE):
            return f"{value:,.1f} s" if value < 10 else f"{value:,.0f} s"
        return f"{value:.0f} min" if self == self.WORKER_SILENT else f"{value:.3f}"

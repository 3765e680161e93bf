"""Asking what a network looked at: the row is written here, a worker fills it (classifier.serving.explain)."""

from functools import partial

from django.db import transaction

from classifier.jobs import enqueue_explanation
from classifier.models import Explanation, Prediction


def request_explanation(*, prediction: Prediction) -> Explanation:
    """Return a prediction's explanation, and ask for it where it is not there; asking again sends a lost request.

    One that failed stays failed: the version cannot explain itself, or the face's crop is gone.
    """
    with transaction.atomic():
        explanation, _ = Explanation.objects.get_or_create(prediction=prediction)
        if explanation.status == Explanation.Status.PENDING:
            transaction.on_commit(partial(enqueue_explanation, explanation.pk), robust=True)
    return explanation

"""How many answers a person may give in an hour, on the result page and in the queue for labelling together."""

from django.http import JsonResponse

from accounts.models import User
from classifier.answers.corrections import FeedbackError
from fersite.rates import check_answer_rate, say_wait


class TooManyAnswersError(FeedbackError):
    """The hourly limit is reached; the message says until when."""

    def __init__(self, seconds: int) -> None:
        wait = say_wait(seconds)
        super().__init__(f"You have reached the hourly limit of answers: this one was not stored. Try again in {wait}.")
        self.seconds = seconds


def count_answer(user: User) -> None:
    """Count one answer before it is stored.

    Raises:
        TooManyAnswersError: FERSITE_ANSWERS_PER_HOUR are reached.
    """
    if (wait := check_answer_rate(user)) is not None:
        raise TooManyAnswersError(wait)


def send_refusal(error: FeedbackError) -> JsonResponse:
    """The refusal for scripts: {error}."""
    if isinstance(error, TooManyAnswersError):
        return JsonResponse({"error": str(error)}, status=429, headers={"Retry-After": str(error.seconds)})
    return JsonResponse({"error": str(error)}, status=409)

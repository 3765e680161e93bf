"""What a reviewer sees of one answer: the face three times, the network's prediction, other people, the author."""

from dataclasses import dataclass
from typing import Any

from django.core.files.storage import default_storage

from accounts.models import User
from classifier.admin.filters import say_answer, say_state
from classifier.admin.places import Place, link_answer, link_decision, link_list
from classifier.answers.track_records import TrackRecord, read_track_records
from classifier.models import Answer, Correction, Face, Label
from classifier.review.decisions import describe_refusal, find_approved

# Offered beside a field for any other; the author reads them.
READY_REASONS = (
    "The photo is too blurred or too dark to tell.",
    "The face is covered or cut off.",
    "Several expressions fit equally well.",
    "This is not a person's face.",
    "The answer does not fit what the face shows.",
)
# Around the face, as a share of the box.
MARGIN = 0.35


@dataclass(frozen=True)
class ReviewBar:
    """One of the network's seven probabilities; `width` in per cent, for SVG."""

    label: str
    probability: float
    width: str
    in_set: bool
    answered: bool


@dataclass(frozen=True)
class Opinion:
    """Another standing answer about the same face; the author's own earlier ones are among them."""

    correction: Correction
    words: str
    state: str
    agrees: bool
    record: TrackRecord


def describe_answer(correction: Correction, *, reviewer: User, place: Place, filters: str) -> dict[str, Any]:
    """The context of an answer's page; the answer comes with prediction, version, author, reviewer, face and upload."""
    others = list(
        Correction.objects.standing().filter(face=correction.face_id).exclude(pk=correction.pk).select_related("author")
    )
    approved = find_approved(correction.face_id)
    records = read_track_records([correction.author_id, *(other.author_id for other in others)])
    return {
        "answer": correction,
        "words": say_answer(correction.answer),
        "names_label": correction.answer in Label.values,
        "final": Label(correction.final_label).label if correction.final_label is not None else "",
        "refusal": describe_refusal(correction, reviewer),
        "approved_before": sorted("no expression" if label is None else Label(label).label for label in approved),
        "replaces": bool(approved - {correction.answer if correction.answer in Label.values else None}),
        "record": records[correction.author_id],
        "opinions": [describe_opinion(other, correction, records[other.author_id]) for other in others],
        "bars": make_bars(correction),
        "events": correction.events.select_related("actor"),
        "choices": [(str(label.value + 1), label.value, label.label) for label in Label],
        "ready_reasons": READY_REASONS,
        **describe_pictures(correction.face),
        **describe_links(correction.pk, place, filters),
    }


def describe_opinion(other: Correction, correction: Correction, record: TrackRecord) -> Opinion:
    return Opinion(other, say_answer(other.answer), say_state(other), other.answer == correction.answer, record)


def make_bars(correction: Correction) -> list[ReviewBar]:
    """Seven, in label order, so that they stand where the keys 1 to 7 do; none without a prediction."""
    prediction = correction.prediction
    if prediction is None:
        return []
    return [
        ReviewBar(
            label=Label(number).label,
            probability=probability,
            width=f"{100 * probability:.1f}%",
            in_set=number in prediction.prediction_set,
            answered=correction.answer == Answer(number),
        )
        for number, probability in enumerate(prediction.probabilities)
    ]


def describe_pictures(face: Face) -> dict[str, Any]:
    """Links signed now, and the part of the photo around the face, as SVG's viewBox."""
    x_margin, y_margin = round(face.width * MARGIN), round(face.height * MARGIN)
    around = (face.x - x_margin, face.y - y_margin, face.width + 2 * x_margin, face.height + 2 * y_margin)
    return {
        "face": face,
        "photo": default_storage.url(face.upload.image),
        "crop": default_storage.url(face.crop),
        "around": " ".join(map(str, around)),
        "around_shape": around[2:],
    }


def describe_links(pk: int, place: Place, filters: str) -> dict[str, Any]:
    """Where the buttons lead; None where there is nothing."""

    def link(other: int | None) -> str | None:
        return link_answer(other, filters) if other is not None else None

    return {
        "place": place,
        "decide_link": link_decision(pk, filters),
        "list_link": link_list(filters),
        "previous_link": link(place.previous),
        "following_link": link(place.following),
        "upcoming_link": link(place.upcoming),
    }

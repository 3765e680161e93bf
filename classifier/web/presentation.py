"""What the result page and the list show of uploads: words, percentages and box positions, ready for templates."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.text import get_text_list

from classifier.answers.corrections import is_asked_blind
from classifier.models import Answer, Correction, Face, Label, Prediction, Upload, choose_prediction
from classifier.web.maps import draw_map, name_places
from classifier.web.outcomes import SAID, describe_outcome

# "The face appears …": a network sees how a face looks, not what a person feels.
ADJECTIVES = {
    Label.ANGRY: "angry",
    Label.DISGUST: "disgusted",
    Label.FEAR: "afraid",
    Label.HAPPY: "happy",
    Label.SAD: "sad",
    Label.SURPRISE: "surprised",
    Label.NEUTRAL: "neutral",
}
UNSURE_BELOW = 0.5
SLOW_AFTER = timedelta(seconds=30)

# What became of a photo whose classification ended without a result, by the code in `Upload.error`.
REASONS = {
    "unreadable_image": "The photo could not be read when its turn came.",
    "photo_missing": "The stored photo was gone when its turn came.",
    "attempts_exhausted": "Something kept going wrong while the network looked at it.",
}


@dataclass(frozen=True)
class Bar:
    """One of the seven probabilities."""

    label: str
    probability: float
    width: str  # "93.4%", for SVG
    chosen: bool
    plausible: bool


@dataclass(frozen=True)
class Map:
    """What the network looked at: state none, pending, done or failed; rows of strengths from 0 to 1 when done."""

    state: str
    label: str
    strengths: list[list[float]]

    @property
    def picture(self) -> str:
        """A picture to lay over the crop, drawn when a page shows it."""
        return draw_map(self.strengths)

    @property
    def places(self) -> str:
        """Where most of the evidence was, in words; empty when no place spoke for the answer."""
        return get_text_list(name_places(self.strengths), "and")


@dataclass(frozen=True)
class AnswerForm:
    """Asked below each face; choices: key and label; said: the owner's answer in words, or None."""

    predicted: str  # empty while the network's answer is not to be shown
    choices: list[tuple[str, str]]
    said: str | None
    outcome: str
    can_undo: bool


@dataclass(frozen=True)
class Card:
    """A face with the answer that is shown for it."""

    face: Face
    number: int
    label: str
    appears: str
    confidence: float
    unsure: bool
    alternatives: str
    bars: list[Bar]
    version: str
    ms: float
    box: dict[str, str]  # x, y, width, height in per cent of the photo
    map: Map
    question: AnswerForm
    asked_blind: bool  # nothing of the network's answer may be shown yet

    @property
    def is_bare_crop(self) -> bool:
        """Whether the whole picture was taken as one face."""
        return self.face.origin == Face.Origin.BARE_CROP


@dataclass(frozen=True)
class WaitingFace:
    """A face that the owner drew and no network has answered for; failed: none will."""

    number: int
    box: dict[str, str]
    failed: bool


def describe_waiting(upload: Upload) -> list[WaitingFace]:
    """Drawn faces without a prediction, of an upload from `with_faces()`."""
    waiting = [face for face in upload.faces.all() if not face.crop]
    return [WaitingFace(face.index + 1, place_box(upload, face), failed=face.is_given_up) for face in waiting]


def describe_faces(upload: Upload) -> list[Card]:
    """Cards of an upload from `with_faces()`; empty while it is not done."""
    if upload.status != Upload.Status.DONE:
        return []
    cards = (describe_face(upload, face) for face in upload.faces.all())
    return [card for card in cards if card is not None]


def describe_face(upload: Upload, face: Face) -> Card | None:
    """The card of one face; None when no network answered."""
    prediction = choose_prediction(face)
    if prediction is None:
        return None
    others = [ADJECTIVES[Label(label)] for label in prediction.prediction_set if label != prediction.label]
    return Card(
        face=face,
        number=face.index + 1,
        label=Label(prediction.label).label,
        appears=ADJECTIVES[Label(prediction.label)],
        confidence=prediction.confidence,
        unsure=prediction.confidence < UNSURE_BELOW,
        alternatives=get_text_list(others, "or"),
        bars=make_bars(prediction),
        version=prediction.version.name,
        ms=prediction.ms,
        box=place_box(upload, face),
        map=describe_map(prediction),
        question=describe_question(upload, face, prediction),
        asked_blind=is_asked_blind(upload),
    )


def describe_question(upload: Upload, face: Face, prediction: Prediction) -> AnswerForm:
    """What the owner may answer about a face of an upload from `with_faces()`, and what they said."""
    said = next(iter(face.owners_answers), None)  # type: ignore[attr-defined]  # set by with_faces()
    return AnswerForm(
        predicted="" if is_asked_blind(upload) else Label(prediction.label).label,
        choices=[(str(label.value + 1), label.label) for label in Label],
        said=said and SAID[Answer(said.answer)],
        outcome=describe_outcome(said, shared=upload.consent_training) if said else "",
        can_undo=said is not None and said.state == Correction.State.PENDING,
    )


def describe_map(prediction: Prediction) -> Map:
    """The explanation of a prediction, for the page; strength is the share of the strongest place's evidence."""
    found = getattr(prediction, "explanation", None)
    label = ADJECTIVES[Label(prediction.label)]
    if found is None:
        return Map("none", label, [])
    rows = found.evidence or []
    strongest = max((value for row in rows for value in row), default=0.0)
    strengths = [[max(value, 0.0) / strongest if strongest > 0 else 0.0 for value in row] for row in rows]
    return Map(found.status, label, strengths)


def make_bars(prediction: Prediction) -> list[Bar]:
    """Seven bars, the most probable first."""
    bars = [
        Bar(
            label=Label(number).label,
            probability=probability,
            width=f"{100 * probability:.1f}%",
            chosen=number == prediction.label,
            plausible=number in prediction.prediction_set,
        )
        for number, probability in enumerate(prediction.probabilities)
    ]
    return sorted(bars, key=lambda bar: -bar.probability)


def place_box(upload: Upload, face: Face) -> dict[str, str]:
    """The box in per cent of the photo, so that it fits whatever size the photo is shown at."""
    return {
        "x": f"{100 * face.x / upload.width:.3f}%",
        "y": f"{100 * face.y / upload.height:.3f}%",
        "width": f"{100 * face.width / upload.width:.3f}%",
        "height": f"{100 * face.height / upload.height:.3f}%",
    }


def describe_reason(upload: Upload) -> str:
    """In words, why there is no result; a general sentence for codes that have none of their own."""
    return REASONS.get(upload.error, "The photo could not be processed.")


def is_slow(upload: Upload) -> bool:
    """Whether it has waited so long that the page should say so."""
    return not upload.is_finished and timezone.now() - upload.created_at > SLOW_AFTER


def announce(upload: Upload, cards: list[Card]) -> str:
    """One sentence for screen readers when the state changed."""
    if cards and is_asked_blind(upload):
        return "The photo is ready. What do you see? Answer first, then the network's answer is shown."
    if cards:
        parts = [
            f"face {card.number} appears {card.appears}, {round(100 * card.confidence)} per cent" for card in cards
        ]
        return f"The result is here: {'; '.join(parts)}."
    if any(not waiting.failed for waiting in describe_waiting(upload)):
        return "The network looks at the face that you marked."
    return {
        Upload.Status.PENDING: "The photo waits for its turn.",
        Upload.Status.RUNNING: "The network looks at the photo.",
        Upload.Status.NO_FACE: "No face was found in the photo.",
    }.get(Upload.Status(upload.status), describe_reason(upload))

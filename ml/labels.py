"""The seven expressions, in the order of FER-2013; every array of probabilities in the project follows it."""

from collections.abc import Mapping

LABELS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# Folder names of the archives that people have: the names, the adjectives of another Kaggle archive, the digits.
_SYNONYMS = {
    "anger": 0,
    "disgusted": 1,
    "fearful": 2,
    "happiness": 3,
    "sadness": 4,
    "surprised": 5,
}

# What digits mean in the data sets that number their folders; AffectNet's 7, contempt, is none of the seven.
_ORDERS = {
    "fer2013": (0, LABELS),
    "rafdb": (1, ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")),
    "affectnet": (0, ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry")),
}
DIGITS = {
    name: {str(first + place): LABELS.index(label) for place, label in enumerate(order)}
    for name, (first, order) in _ORDERS.items()
}


def parse_label(text: str, digits: Mapping[str, int] = DIGITS["fer2013"]) -> int:
    """Label number 0–6 for a folder name, a label's name or a digit, case ignored.

    Args:
        digits: the label of each digit; one of DIGITS' values.

    Raises:
        ValueError: the text names none of the seven labels.
    """
    word = text.strip().lower()
    if word in LABELS:
        return LABELS.index(word)
    if word in _SYNONYMS:
        return _SYNONYMS[word]
    if word in digits:
        return digits[word]
    known = f"{min(digits)} to {max(digits)}"
    raise ValueError(f"unknown label {text!r}; expected one of {', '.join(LABELS)} or {known}")

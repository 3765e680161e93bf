"""The seven expressions, in the order of FER-2013; every array of probabilities in the project follows it."""

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


def parse_label(text: str) -> int:
    """Label number 0–6 for a folder name, a label's name or a digit, case ignored.

    Raises:
        ValueError: the text names none of the seven labels.
    """
    word = text.strip().lower()
    if word in LABELS:
        return LABELS.index(word)
    if word in _SYNONYMS:
        return _SYNONYMS[word]
    if word.isdecimal() and int(word) < len(LABELS):
        return int(word)
    raise ValueError(f"unknown label {text!r}; expected one of {', '.join(LABELS)} or 0 to 6")

"""What people said about faces and what became of it, in words: for the result page, /label/ and /answers/."""

from classifier.models import Answer, Correction, Label

SAID = {
    **{Answer(label.value): label.label for label in Label},
    Answer.UNCLEAR: "can’t tell",
    Answer.NOT_A_FACE: "not a face",
}
# What became of an answer that was approved before its photo was shared no longer.
KEPT = "no later network learns from it; those trained before keep what they learned."


def describe_state(said: Correction, *, shared: bool) -> str:
    """Where an answer stands, in a few words; shared: its photo is, now."""
    if said.state == Correction.State.PENDING:
        return "waiting for a reviewer" if shared else "kept, not reviewed"
    if said.state == Correction.State.APPROVED:
        return "approved" if _is_agreed(said) else f"approved as {said.get_final_label_display()}"
    return "not taken" if said.state == Correction.State.REJECTED else "taken back"


def describe_outcome(said: Correction, *, shared: bool, own: bool = True) -> str:
    """What became of an answer, or will; shared: its photo is, now; own: the photo is its author's."""
    if said.state == Correction.State.APPROVED:
        return _describe_approval(said, shared=shared)
    if said.state == Correction.State.REJECTED:
        return f"A reviewer did not take it: {said.reason}" if said.reason else "A reviewer did not take it."
    if said.state == Correction.State.WITHDRAWN:
        return "You took it back, or answered again."
    if shared:
        return "A reviewer will look at it."
    return "It stays between us: the photo is not shared for training." if own else "No reviewer looks at it any more."


def _describe_approval(said: Correction, *, shared: bool) -> str:
    agreed = _is_agreed(said)
    verdict = "A reviewer agreed" if agreed else f"A reviewer sees it as {said.get_final_label_display()}"
    if said.reason:  # no network learns from it, and why
        return said.reason if agreed else f"{verdict}. {said.reason}"
    if said.final_label is None:
        return f"{verdict}. It names no expression, so no network learns from it."
    if not shared:
        return f"{verdict}. The photo is not shared any more: {KEPT}"
    return f"{verdict}: that helps later networks."


def _is_agreed(said: Correction) -> bool:
    return said.final_label is None or said.final_label == said.answer

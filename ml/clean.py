"""What is wrong with a face dataset (copies, conflicts, blank and non-face images), and training data without it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.data import FaceData, image_digests
from ml.labels import LABELS

# Standard deviation, in grey levels, below which an image counts as blank.
BLANK_STD = 3.0
# Of ten FER+ voters, how many must say "not a face" for an image to be dropped.
NOT_FACE_VOTES = 5


@dataclass(frozen=True)
class TrainingSet:
    """Cleaned training data: images uint8 (n, 48, 48); targets float32 (n, 7), rows sum to 1; votes float32 (n, 7).

    weights: float32 (n,), what each counts in the loss; None: all the same.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.float32]
    votes: NDArray[np.float32]
    weights: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def select(self, mask: NDArray[np.bool_]) -> "TrainingSet":
        """The samples where mask (bool, (n,)) is true."""
        weights = None if self.weights is None else self.weights[mask]
        return TrainingSet(self.images[mask], self.targets[mask], self.votes[mask], weights)


def is_blank(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images (uint8 (n, 48, 48)) show nothing: bool (n,)."""
    return images.reshape(len(images), -1).std(axis=1) < BLANK_STD


def clean_training(data: FaceData, votes: NDArray[np.float32], not_face: NDArray[np.int64]) -> TrainingSet:
    """Drop blank and non-face images and keep one copy of each image, labelled by the mean of its copies' labels.

    Args:
        data: the training split as read.
        votes: float32 (n, 7), FER+ shares or zeros.
        not_face: int64 (n,), FER+ "not a face" votes of ten.
    """
    keep = ~is_blank(data.images) & (not_face < NOT_FACE_VOTES)
    kept, kept_votes = data.select(keep), votes[keep]
    one_hot = np.eye(len(LABELS), dtype=np.float32)[kept.labels]
    _, first, group = np.unique(image_digests(kept.images), return_index=True, return_inverse=True)
    targets = np.zeros((len(first), len(LABELS)), dtype=np.float32)
    np.add.at(targets, group, one_hot)
    targets /= targets.sum(axis=1, keepdims=True)
    return TrainingSet(kept.images[first], targets, kept_votes[first])


def count_cleaned(data: FaceData, not_face: NDArray[np.int64], cleaned: TrainingSet) -> dict[str, int]:
    """How many images clean_training dropped, and why; and of how many kept ones the label was in doubt."""
    blank = is_blank(data.images)
    voted_out = ~blank & (not_face >= NOT_FACE_VOTES)
    return {
        "blank": int(blank.sum()),
        "not_face": int(voted_out.sum()),
        "redundant_copies": len(data) - int(blank.sum() + voted_out.sum()) - len(cleaned),
        "conflicting_groups": int((cleaned.targets.max(axis=1) < 1).sum()),
    }


def hold_out(images: NDArray[np.uint8], share: float) -> NDArray[np.bool_]:
    """Choose a selection set by a hash of the pixels, so that copies stay together and every run chooses the same.

    Args:
        images: uint8 (n, 48, 48).
        share: of the images to hold out, 0 to 1.

    Returns:
        bool (n,), true where held out.
    """
    return np.array([int(digest[:8], 16) / 2**32 < share for digest in image_digests(images)], dtype=bool)

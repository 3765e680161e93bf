"""Whether a face is a test image again, cropped, shifted or compressed anew: nothing like it may be trained on."""

import numpy as np
from numpy.typing import NDArray

from classifier.models import Sample
from classifier.storage.crops import fetch_crops, hash_crop
from ml.duplicates import NEAR_BITS, find_near_pairs, perceptual_hashes


def hash_perceptually(images: NDArray[np.uint8]) -> list[int]:
    """Perceptual hashes as a signed 64-bit column holds them; images: uint8 (n, 48, 48)."""
    return [int(value) for value in perceptual_hashes(images).view(np.int64)]


def is_like_test_sample(pixels: NDArray[np.uint8]) -> bool:
    """Whether some test sample, frozen or corrected, shows the same photo; pixels: uint8 (48, 48).

    The database names candidates by hash, the same two steps as `ml.duplicates.find_near_pairs`; their pixels decide.
    A candidate whose pixels are lost counts as alike: what cannot be disproved is not trained on. A row without a
    perceptual hash, which an old import left, is compared by content only, until `manage.py reconcile_dataset --fix`
    has given it one.

    Raises:
        classifier.storage.bulk.BucketError: the S3 server did not give the candidates.
    """
    tests = Sample.objects.filter(split=Sample.Split.TEST)
    if tests.filter(sha256=hash_crop(pixels)).exists():
        return True
    near = tests.near_hash(hash_perceptually(pixels[np.newaxis])[0], bits=NEAR_BITS)
    keys = dict(near.order_by().values_list("key", "sha256"))
    if not keys:
        return False
    crops = fetch_crops(keys, patient=False)
    if len(crops) < len(set(keys.values())):
        return True
    pairs, _ = find_near_pairs(pixels[np.newaxis], np.stack(list(crops.values())))
    return len(pairs) > 0

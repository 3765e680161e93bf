"""How bright and how sharp a face's crop is: two numbers by which photos are compared with the training data."""

import numpy as np
from numpy.typing import NDArray


def measure_brightness(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The mean grey level of each crop, in shares of white.

    Args:
        crops: uint8 (n, 48, 48).

    Returns:
        float64 (n,), 0 (black) to 1 (white).
    """
    return np.asarray(crops.mean(axis=(1, 2), dtype=np.float64) / 255)


def measure_sharpness(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The variance of each crop's Laplacian (3×3, edge pixels repeated outside the crop), in grey levels squared.

    A blurred crop has little of it, a noisy one much (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield
    microscopy: a comparative study").

    Args:
        crops: uint8 (n, 48, 48).

    Returns:
        float64 (n,), 0 (all of one grey) and up; a face of FER-2013 has about 1,900.
    """
    from scipy.ndimage import laplace

    return np.asarray(laplace(crops.astype(np.float64), axes=(1, 2)).var(axis=(1, 2)))

"""The fixed histogram buckets of the rollups, and what can be read from them: sums and quantiles.

A value belongs to the bucket after the last edge that is not above it, as PostgreSQL's width_bucket counts; the first
and the last bucket are open.
"""

from collections.abc import Sequence

from ml.reference import BRIGHTNESS_EDGES, CONFIDENCE_EDGES, SHARPNESS_EDGES

# From 10 ms to 1,000 s, each a quarter above the one before: a quantile is known to within a quarter of itself.
SECONDS_EDGES: tuple[float, ...] = tuple(round(0.01 * 10 ** (step / 10), 6) for step in range(51))
# The shorter side of a face's box, in pixels.
SIZE_EDGES: tuple[float, ...] = (24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)

EDGES: dict[str, tuple[float, ...]] = {
    "confidence": CONFIDENCE_EDGES,
    "brightness": BRIGHTNESS_EDGES,
    "sharpness": SHARPNESS_EDGES,
    "size": SIZE_EDGES,
    "seconds": SECONDS_EDGES,
}


def bucket_count(name: str) -> int:
    """How many buckets a histogram has."""
    return len(EDGES[name]) + 1


def read_quantile(name: str, counts: Sequence[int], share: float) -> tuple[float, float] | None:
    """The two edges between which a quantile lies, None without values; an open end repeats the edge that is known.

    Args:
        counts: of the buckets; share: 0.5 for the median, and so on: the smallest value with at least this share of
            all values at or below it.
    """
    total = sum(counts)
    if not total:
        return None
    below, edges = 0, EDGES[name]
    for number, count in enumerate(counts):
        below += count
        if count and below >= share * total:
            return edges[max(number - 1, 0)], edges[min(number, len(edges) - 1)]
    raise AssertionError("a share above 1")

"""Numbers from JSON as pages write them; a dash for what is absent or no number."""

from collections.abc import Callable
from typing import Any, TypeGuard

from classifier.templatetags.site import tenths

ABSENT = "–"


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_dict(value: Any) -> dict[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value where it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def share(value: Any) -> str:
    """0.6963 → "69.6 %"."""
    return tenths(value) if is_number(value) else ABSENT


def whole(value: Any) -> str:
    """3589 → "3,589"."""
    return f"{value:,.0f}" if is_number(value) else ABSENT


def decimals(value: Any, places: int = 3) -> str:
    """0.02595 → "0.026"."""
    return f"{value:.{places}f}" if is_number(value) else ABSENT


def milliseconds(value: Any) -> str:
    """3.486 → "3.5 ms"."""
    return f"{value:.1f}\u00a0ms" if is_number(value) else ABSENT


def span(ends: Any, show: Callable[[Any], str]) -> str:
    """[0.681, 0.711] → "68.1 % to 71.1 %"; "" when there is none."""
    if isinstance(ends, list | tuple) and len(ends) == 2 and all(is_number(end) for end in ends):
        return f"{show(ends[0])} to {show(ends[1])}"
    return ""

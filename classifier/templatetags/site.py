"""Tags and filters that every page may use."""

import json
from functools import lru_cache

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=1)
def site_version() -> str:
    """The version of the site, from package.json; "" when it names none."""
    try:
        return str(json.loads((settings.BASE_DIR / "package.json").read_text()).get("version", ""))
    except FileNotFoundError:
        return ""


@register.filter
def percent(fraction: float) -> str:
    """0.934 → "93 %". Never 0 or 100 for what is merely close to it: "< 1 %", "> 99 %"."""
    value = round(100 * fraction)
    if fraction > 0 and value == 0:
        return "< 1\u00a0%"
    if fraction < 1 and value == 100:
        return "> 99\u00a0%"
    return f"{value}\u00a0%"


@register.filter
def megabytes(size: int) -> str:
    """15728640 → "15 MB" (of 1024 × 1024 bytes)."""
    return f"{size / (1024 * 1024):.3g}\u00a0MB"


@register.filter
def tenths(fraction: float) -> str:
    """0.6963 → "69.6 %": figures that are compared with others."""
    return f"{100 * fraction:.1f}\u00a0%"

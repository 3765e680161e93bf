"""The notice of open alerts in the header of every page that staff sees."""

from django import template

from dashboard.models import Alert

register = template.Library()


@register.simple_tag
def count_open_alerts() -> int:
    """How many alerts are open; one query, so ask for staff only."""
    return Alert.objects.open().count()

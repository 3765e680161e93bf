"""For query sets that ask about tables defined after their own: imports between models point one way."""

from typing import Any

from django.db.models import Model


def rows_of(model: type[Model], path: str) -> Any:
    """The query set of all rows at the end of a path of relations, such as "faces__corrections"."""
    found: Any = model
    for name in path.split("__"):
        found = found._meta.get_field(name).related_model
    return found._default_manager.all()

"""Sums of rollups in the database: a page reads as many rows as its charts have points, however many there are."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Aggregate, BigIntegerField


class SumArrays(Aggregate):
    """Adds up arrays of the same length, element by element: SumArrays("confidence_bins"), of some rows by `filter`."""

    name = "SumArrays"
    output_field = ArrayField(BigIntegerField())

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> tuple[str, Any]:
        """An array with one sum for each element."""
        [source, *_] = self.get_source_expressions()
        inner, params = compiler.compile(source)
        chosen, chosen_params = compiler.compile(self.filter) if self.filter else ("", [])
        which = f" FILTER (WHERE {chosen})" if chosen else ""
        size = source.output_field.size
        sums = ", ".join(f"coalesce(sum({inner}[{i}]){which}, 0)::bigint" for i in range(1, size + 1))
        return f"ARRAY[{sums}]", [*params, *chosen_params] * size

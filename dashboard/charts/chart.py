"""What a chart is: a table with a title, from which the page, the plot, the CSV file and the JSON are made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Cell = str | int | float | datetime | None
# count: whole number; share: fraction from 0 to 1; number: any; seconds: a duration; time: a moment, UTC.
Format = Literal["text", "count", "share", "number", "seconds", "time"]
Plot = Literal["lines", "bars", "stacked", "matrix", "reliability", "table"]


@dataclass(frozen=True)
class Column:
    """One column; the first of a chart is its x axis. name: as in the JSON and the CSV file."""

    name: str
    title: str
    format: Format = "count"


# The x axis of every chart over time.
START = Column("start", "From (UTC)", "time")


def with_interval(name: str, title: str) -> list[Column]:
    """The column of a share, and those of the two ends of its interval."""
    ends = (("", ""), ("_low", ", from"), ("_high", ", to"))
    return [Column(f"{name}{end}", f"{title}{more}", "share") for end, more in ends]


@dataclass(frozen=True)
class Series:
    """A column that is drawn. low, high: columns of its 95 % interval; dashed: an estimate or a limit."""

    column: str
    low: str | None = None
    high: str | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Mark:
    """An event on the x axis: a promotion, an alert."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Chart:
    """A figure of the dashboard.

    Attributes:
        name: in addresses, lower case with hyphens.
        title: says what it shows.
        rows: one value for each column; None where there is none.
        n: how many `of` it rests on; below `minimum` no figure is drawn or listed, and is_enough is False.
        note: how it is measured, and its limits.
        facts: single figures of it, by a readable name.
    """

    name: str
    title: str
    plot: Plot
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    n: int
    of: str = "faces"
    minimum: int = 1
    note: str = ""
    series: Sequence[Series] = ()
    marks: Sequence[Mark] = ()
    facts: dict[str, Cell] = field(default_factory=dict)

    @property
    def is_enough(self) -> bool:
        """Whether it rests on enough to be shown."""
        return self.n >= self.minimum

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: numbers stay numbers, moments become ISO 8601; no rows where there is not enough."""
        shown = self.rows if self.is_enough else ()
        return {
            "name": self.name,
            "title": self.title,
            "plot": self.plot,
            "n": self.n,
            "of": self.of,
            "minimum": self.minimum,
            "enough": self.is_enough,
            "note": self.note,
            "columns": [{"name": one.name, "title": one.title, "format": one.format} for one in self.columns],
            "rows": [[to_json(cell) for cell in row] for row in shown],
            "series": [
                {"column": one.column, "low": one.low, "high": one.high, "dashed": one.dashed} for one in self.series
            ],
            "marks": [{"at": to_json(mark.at), "text": mark.text} for mark in self.marks],
            "facts": {name: to_json(value) for name, value in self.facts.items()} if self.is_enough else {},
        }


def to_json(cell: Cell) -> str | int | float | None:
    """A cell as JSON has it."""
    return cell.isoformat().replace("+00:00", "Z") if isinstance(cell, datetime) else cell

"""Tables as data. assets/table.js draws them; the texts in them are never read as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Tone = Literal["crit", "warn", "good", "quiet", "strong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`width` is a CSS width; without one the column takes what is left. `sortable`: by the cells' `sort`."""

    title: str
    numeric: bool = False
    width: str | None = None
    sortable: bool = False
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`note` stands smaller behind the text, `hint` shows on hover, `key` is the CSS variable of a colour key."""

    text: str
    note: str | None = None
    hint: str | None = None
    href: str | None = None
    tone: Tone | None = None
    key: str | None = None
    sort: float | str | None = None
    ago_ns: int | None = None
    """A time: the text is kept relative to now."""
    command: tuple[str, dict[str, Any]] | None = None
    """The text is a button that does this."""
    spark: Sequence[float] | None = None
    """A small line beside the text; at 1 stands a threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`href` is where the whole row leads, by click and by Enter; its first cell with a text is the true link."""

    cells: Sequence[Cell]
    href: str | None = None
    selected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    label: str
    columns: Sequence[Column]
    rows: Sequence[Row]

    def to_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "columns": [_known(column, "title", "numeric", "width", "sortable", "hint") for column in self.columns],
            "rows": [
                {"href": row.href, "selected": row.selected, "cells": [_cell(cell) for cell in row.cells]}
                for row in self.rows
            ],
        }


def _cell(cell: Cell) -> Any:
    values = _known(cell, "text", "note", "hint", "href", "tone", "key", "sort", "command")
    if cell.spark is not None:
        values["spark"] = [float(f"{value:.3g}") for value in cell.spark]
    if cell.ago_ns is not None:
        values["ago"] = cell.ago_ns // 1_000_000
    return cell.text if set(values) == {"text"} else values


def _known(value: object, *names: str) -> dict[str, Any]:
    return {name: got for name in names if (got := getattr(value, name)) not in (None, False)}

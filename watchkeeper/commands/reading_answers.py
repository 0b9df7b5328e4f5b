"""Answers from files, with progress, and with the rows that could not be read named."""

import sys
from pathlib import Path

from collector.errors import BadRequest, WatchkeeperError
from collector.importing.reading import PLACES, Format, format_of, open_rows
from collector.importing.row import BadRow
from watchkeeper.commands.answers import Answer, Answers, Shape, answer_of
from watchkeeper.commands.progress import meter
from watchkeeper.commands.rejects import Rejects

METER_EVERY = 200


def checked_file(name: str, kind: str | None) -> tuple[Path, Format]:
    """
    Raises:
        WatchkeeperError: if there is no such file, or its format is not known.
    """
    path = Path(name)
    if name != "-" and not path.is_file():
        raise WatchkeeperError(f"{path}: there is no such file")
    return path, format_of(path, kind)


def read_answers(path: Path, kind: Format, shape: Shape) -> Answers:
    """All answers of a file. Rows that tell none are named on standard error, and the rest is kept.

    Raises:
        WatchkeeperError: if the file cannot be read to its end, or holds no answer at all.
    """
    rows: list[Answer] = []
    rejects = Rejects(str(path), None, place=PLACES[kind])
    with open_rows(path, kind) as reading, meter(path.name, reading.n_bytes) as gauge:
        for n_rows, row in enumerate(reading.rows, start=1):
            if n_rows % METER_EVERY == 0:
                gauge.update(n_rows, reading.position())
            if isinstance(row, BadRow):
                rejects.add(row.number, row.reason, row.row)
                continue
            try:
                answer = answer_of(row.values, shape)
            except BadRequest as error:
                rejects.add(row.number, str(error), row.values)
                continue
            if answer is not None:
                rows.append(answer)
    return told(str(path), rows, rejects)


def told(name: str, rows: list[Answer], rejects: Rejects) -> Answers:
    """`rows`, with what was left out said on standard error.

    Raises:
        WatchkeeperError: if no row has an answer.
    """
    if all(row.output is None for row in rows):
        reason = f"; {rejects.first[0]}" if rejects.first else ""
        raise WatchkeeperError(f"{name}: holds no answers{reason}")
    if rejects.n_rows:
        print(f"{name}: {rejects.n_rows:,} rows left out", file=sys.stderr)
        for line in rejects.first:
            print(f"  {line}", file=sys.stderr)
    return Answers(rows)

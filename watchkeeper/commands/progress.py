"""How far a long command is: a bar on a terminal, a line now and then elsewhere. On standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

LINE_EVERY_S = 10.0


class Meter:
    """Counts rows and tells of them. `done` of `total` are bytes or rows, whichever tells how much is left."""

    def __init__(self, name: str, total: int | None, *, noun: str) -> None:
        self._name, self._total, self._noun = name, total, noun
        self._started_s = self._said_s = time.monotonic()
        self.n_rows = 0

    def update(self, n_rows: int, done: int) -> None:
        self.n_rows = n_rows
        now_s = time.monotonic()
        if now_s - self._said_s >= LINE_EVERY_S:
            self._said_s = now_s
            share = f", {100 * done / self._total:.0f} %" if self._total else ""
            print(f"{self._name}: {n_rows:,} {self._noun}, {self.rate():,.0f}/s{share}", file=sys.stderr, flush=True)

    def rate(self) -> float:
        return self.n_rows / max(time.monotonic() - self._started_s, 1e-3)


@contextmanager
def busy(text: str) -> Iterator[None]:
    """Something whose end nobody knows: a sign of life on a terminal, a line elsewhere."""
    if not sys.stderr.isatty():
        print(f"{text} ...", file=sys.stderr, flush=True)
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def meter(name: str, total: int | None, *, noun: str = "rows") -> Iterator[Meter]:
    if not sys.stderr.isatty():
        yield Meter(name, total, noun=noun)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"),
               TimeRemainingColumn()]  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total, said="")

        class Bar(Meter):
            def update(self, n_rows: int, done: int) -> None:
                self.n_rows = n_rows
                bar.update(task, completed=done, said=f"{n_rows:,} {noun}, {self.rate():,.0f}/s")

        yield Bar(name, total, noun=noun)

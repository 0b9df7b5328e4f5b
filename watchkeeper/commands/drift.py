"""`watchkeeper drift compare`: two files of answers, one verdict."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.errors import WatchkeeperError

if TYPE_CHECKING:
    from evaluators.drift.comparison import Comparison
    from watchkeeper.commands.answers import Answers

DEFAULT_REPORT = Path("drift-report.html")

drift_app = typer.Typer(help="Has a model, its traffic or its quality changed?", no_args_is_help=True)

FormatOf = Annotated[
    str | None, typer.Option("--format", help="jsonl, json (a list), csv or parquet (default: as the name says)")
]
Preset = Annotated[
    str | None,
    typer.Option(help="openai (request/response pairs), litellm (spend logs) or langfuse (observations)"),
]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="THEIRS=OURS",
                 help="Their column, or path such as choices.0.text, holds our output, prompt, session, segment, "
                      "score, retrieved or contexts"),
]  # fmt: skip
Alpha = Annotated[float, typer.Option(help="Share of false alarms among comparisons in which nothing changed")]
Seed = Annotated[int, typer.Option(help="Of the random splits; the same seed gives the same result")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(drift_app, name="drift")


@drift_app.callback()
def drift() -> None:
    """Has a model, its traffic or its quality changed?"""


@drift_app.command()
def compare(
    reference: Annotated[str, typer.Argument(help="File of answers from before; - is standard input")],
    current: Annotated[str, typer.Argument(help="File of answers from now")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON")] = False,
    html: Annotated[Path, typer.Option(help="Where the report goes")] = DEFAULT_REPORT,
    no_html: Annotated[bool, typer.Option("--no-html", help="Write no report")] = False,
    alpha: Alpha = 0.05,
    seed: Seed = 0,
    kind: FormatOf = None,
    preset: Preset = None,
    maps: Maps = None,
) -> None:
    """Compare answers from before with answers from now.

    Rows are JSON lines, JSON, CSV or Parquet: with the columns output and, where known, prompt, session, segment,
    score, retrieved; or calls as `watchkeeper export` writes them; or OpenAI request/response pairs. The result is that
    of `evaluators.drift.compare`. The exit status is 0 whatever the verdict; `watchkeeper check` is the gate.
    """
    from watchkeeper.commands.answers import shape_of
    from watchkeeper.commands.reading_answers import checked_file, read_answers

    if reference == current == "-":
        raise WatchkeeperError("standard input holds one side; name a file for the other")
    shape = shape_of(preset, maps or [])
    before, after = checked_file(reference, kind), checked_file(current, kind)
    result = compared(read_answers(*before, shape), read_answers(*after, shape), alpha=alpha, seed=seed)
    if as_json:
        print(json.dumps(result.to_dict(), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        from watchkeeper.commands.drift_print import show

        show(result)
    if not no_html:
        write_report(html, result, reference=reference, current=current, seed=seed)
        # Standard output stays the JSON that was asked for.
        print(f"report: {html}", file=sys.stderr if as_json else sys.stdout)


def compared(reference: Answers, current: Answers, *, alpha: float, seed: int) -> Comparison:
    """
    Raises:
        WatchkeeperError: where `evaluators.drift.compare` refuses what it is given.
    """
    from evaluators.drift import compare
    from watchkeeper.commands.progress import busy

    try:
        with busy(f"comparing {len(reference.rows):,} with {len(current.rows):,} answers"):
            return compare(reference, current, alpha=alpha, seed=seed)
    except (TypeError, ValueError) as error:
        raise WatchkeeperError(str(error)) from error


def write_report(path: Path, result: Comparison, *, reference: str, current: str, seed: int) -> None:
    """Write the HTML page.

    Raises:
        WatchkeeperError: if it cannot be written there.
    """
    import time

    from collector.times import NS_PER_S, format_rfc3339
    from evaluators.drift import report

    now = format_rfc3339(time.time_ns() // NS_PER_S * NS_PER_S)
    made = report.Made(reference=reference, current=current, seed=seed, date=now)
    try:
        path.write_text(report.page(result, made), encoding="utf-8")
    except OSError as error:
        raise WatchkeeperError(
            f"{path}: the report cannot be written there ({error.strerror}); name another file with --html, "
            "or write none with --no-html"
        ) from error

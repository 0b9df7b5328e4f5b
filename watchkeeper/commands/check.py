"""`watchkeeper check`: a gate for pipelines."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.errors import WatchkeeperError
from watchkeeper.commands.drift import Alpha, FormatOf, Maps, Preset, Seed

if TYPE_CHECKING:
    from evaluators.drift.comparison import Comparison, Outcome
    from watchkeeper.commands.answers import Answers
    from watchkeeper.commands.gate import Bound, Check, Limit

MAX_CALLS = 20_000


def add_to(app: typer.Typer) -> None:
    app.command()(check)


def check(
    reference: Annotated[str | None, typer.Option(help="File of answers to hold the candidate against")] = None,
    current: Annotated[str | None, typer.Option(help="File of the candidate's answers")] = None,
    fail_on: Annotated[
        str,
        typer.Option(help="Of model_changed, traffic_changed, quality_dropped, cannot_separate; or none"),
    ] = "model_changed,quality_dropped",
    minima: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="SCORE=VALUE",
                     help="Least mean of groundedness, refusal, pii, injection, or of the file's column score"),
    ] = None,
    maxima: Annotated[
        list[str] | None, typer.Option("--max", metavar="SCORE=VALUE", help="Greatest mean, such as pii=0.01")
    ] = None,
    allow_not_enough_data: Annotated[
        bool, typer.Option("--allow-not-enough-data", help="Skip what has too little data instead of stopping")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML there")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the drift report there")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON")] = False,
    alpha: Alpha = 0.05,
    seed: Seed = 0,
    kind: FormatOf = None,
    preset: Preset = None,
    maps: Maps = None,
    reference_since: Annotated[
        str | None, typer.Option(help="Reference from a platform: RFC 3339, a day, or how long ago, such as 14d")
    ] = None,
    reference_until: Annotated[str | None, typer.Option(help="The same; not included")] = None,
    current_since: Annotated[str | None, typer.Option(help="Current side from a platform")] = None,
    current_until: Annotated[str | None, typer.Option(help="The same; not included")] = None,
    url: Annotated[str | None, typer.Option(help="The running Watchkeeper (default: http://127.0.0.1:8600)")] = None,
    api_key: Annotated[str | None, typer.Option(envvar="WATCHKEEPER_API_KEY", help="With scope read")] = None,
    project: Annotated[str | None, typer.Option(help="Only calls of this project")] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="NAME=VALUE", help="Such as request_model=gpt-4o, as GET /api/v1/calls takes"),
    ] = None,
    max_calls: Annotated[int, typer.Option(min=1, help="So many of the newest calls of a range are read")] = MAX_CALLS,
) -> None:  # fmt: skip
    """Fail a pipeline when a candidate's answers changed, or score too low.

    The exit status is 0 if every check passed, 1 if one failed, and 2 if the input cannot be used or is too little to
    tell. Each side is a file, as `watchkeeper drift compare` reads it, or a range of a platform's calls. Without a
    reference only --min and --max are checked.
    """
    from watchkeeper.commands.answers import shape_of
    from watchkeeper.commands.drift import compared, write_report
    from watchkeeper.commands.gate import drift_checks, exit_status
    from watchkeeper.commands.sides import Platform, Side, read_side

    started_s = time.monotonic()
    limits = [_limit("min", text) for text in minima or []] + [_limit("max", text) for text in maxima or []]
    failing = _outcomes(fail_on)
    before = Side(name="reference", file=reference, since=reference_since, until=reference_until)
    after = Side(name="current", file=current, since=current_since, until=current_until)
    if not after.is_given:
        raise WatchkeeperError("name what to check: --current FILE, or --current-since for calls of a platform")
    if not before.is_given and not limits:
        raise WatchkeeperError("name what to check against: --reference FILE, --reference-since, or --min SCORE=VALUE")
    shape = shape_of(preset, maps or [])
    platform = Platform(url=url, api_key=api_key, project=project, filters=filters or [], max_calls=max_calls)
    candidate = read_side(after, shape, kind, platform)
    checks: list[Check] = []
    result: Comparison | None = None
    if before.is_given:
        result = compared(read_side(before, shape, kind, platform), candidate, alpha=alpha, seed=seed)
        checks += drift_checks(result, fail_on=failing, allow_not_enough_data=allow_not_enough_data)
    checks += _score_checks(limits, candidate, allow_not_enough_data)
    if html is not None and result is not None:
        write_report(html, result, reference=before.title, current=after.title, seed=seed)
    if junit is not None:
        _write_junit(junit, checks, time.monotonic() - started_s)
    _show(checks, result, as_json=as_json)
    if status := exit_status(checks):
        raise typer.Exit(status)


def _limit(bound: Bound, text: str) -> Limit:
    from collector.validation import near_match
    from watchkeeper.commands.answer_scores import MEASURES
    from watchkeeper.commands.gate import Limit

    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not equals or not abs(number) < float("inf"):
        raise WatchkeeperError(f"--{bound} {text}: write SCORE=VALUE, such as groundedness=0.9")
    if name not in MEASURES:
        raise WatchkeeperError(f"--{bound} {text}: {name!r} is unknown, {near_match(name, MEASURES)}")
    return Limit(score=name, bound=bound, value=number)


def _outcomes(text: str) -> list[Outcome]:
    from collector.validation import near_match
    from watchkeeper.commands.gate import FAILABLE

    names = [name for part in text.split(",") if (name := part.strip()) not in ("", "none")]
    for name in names:
        if name not in FAILABLE:
            raise WatchkeeperError(f"--fail-on {name}: unknown, {near_match(name, FAILABLE)}")
    return [outcome for outcome in FAILABLE if outcome in names]


def _score_checks(limits: list[Limit], candidate: Answers, allow_not_enough_data: bool) -> list[Check]:
    from watchkeeper.commands.answer_scores import values_of
    from watchkeeper.commands.gate import score_check

    values = {name: list(values_of(name, candidate.rows)) for name in {limit.score for limit in limits}}
    return [score_check(limit, values[limit.score], allow_not_enough_data=allow_not_enough_data) for limit in limits]


def _write_junit(path: Path, checks: list[Check], seconds: float) -> None:
    from collector.times import NS_PER_S, format_rfc3339
    from watchkeeper.commands.junit import junit_xml

    began = format_rfc3339((time.time_ns() - int(seconds * NS_PER_S)) // NS_PER_S * NS_PER_S)
    try:
        path.write_bytes(junit_xml(checks, seconds=seconds, timestamp=began))
    except OSError as error:
        raise WatchkeeperError(f"{path}: JUnit XML cannot be written there ({error.strerror})") from error


def _show(checks: list[Check], result: Comparison | None, *, as_json: bool) -> None:
    from evaluators.drift.report.markup import visible
    from watchkeeper.commands.gate import PASSED, exit_status, summary

    status = exit_status(checks)
    if as_json:
        document = {
            "passed": status == PASSED,
            "checks": [check.to_dict() for check in checks],
            "comparison": None if result is None else result.to_dict(),
        }
        print(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))
        return
    for each in checks:
        print(visible(f"{each.state.upper():7} {each.group}: {each.name}: {each.message}"))
    counted = ", ".join(f"{n} {state}" for state, n in summary(checks).items() if n)
    print(f"check: {counted}", file=sys.stdout if status == PASSED else sys.stderr)

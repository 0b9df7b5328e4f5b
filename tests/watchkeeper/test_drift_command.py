"""`watchkeeper drift compare`: the same result as the library, for people, for programs and as a report."""

import gzip
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.errors import WatchkeeperError
from collector.verdict import Effect
from evaluators.drift import compare
from tests.evaluators.comparisons import a_comparison, an_effect
from watchkeeper.__main__ import app
from watchkeeper.commands.drift_print import lane, show

Run = Callable[..., subprocess.CompletedProcess[str]]
CHATTY = [
    f"Sure! Here is a longer answer about topic {i}, with some detail. Let me know if it helps." for i in range(40)
]
CURT = [f"Topic {i}." for i in range(40)]


def write(path: Path, answers: Sequence[str], *more: str) -> Path:
    """Without prompts, for which each process would load the encoder."""
    lines = [json.dumps({"output": answer}) for answer in answers]
    text = "".join(f"{line}\n" for line in (*lines, *more))
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return str(write(tmp_path / "before.jsonl", CHATTY)), str(write(tmp_path / "after.jsonl.gz", CURT, "{bad"))


def test_a_change_is_told_and_reported_and_is_no_failure(
    files: tuple[str, str], run_watchkeeper: Run, tmp_path: Path
) -> None:
    result = run_watchkeeper("drift", "compare", *files)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("▲ model_changed: The model answers differently now.\n")
    assert "Tests" in result.stdout
    assert "report: drift-report.html" in result.stdout
    assert "1 rows left out" in result.stderr
    assert "line 41: not JSON" in result.stderr
    report = (tmp_path / "drift-report.html").read_text(encoding="utf-8")
    assert "The model answers differently now." in report
    assert "before.jsonl" in report


def test_json_is_what_the_library_gives(run_watchkeeper: Run, tmp_path: Path) -> None:
    prompts = [f"Tell me about topic {i}." for i in range(40)]
    before = {"output": CHATTY, "prompt": prompts, "session": [f"s{i}" for i in range(40)], "score": [0.9] * 40}
    after = {"output": CURT, "prompt": prompts, "segment": ["eu", "us"] * 20, "retrieved": [["a", "b"]] * 40}
    for name, columns in (("before", before), ("after", after)):
        rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run_watchkeeper(
        *("drift", "compare", "before.jsonl", "after.jsonl"),
        "--json",
        "--seed",
        "3",
        "--alpha",
        "0.01",
        "--html",
        "r.html",
    )
    assert result.returncode == 0, result.stderr
    expected = compare(before, after, seed=3, alpha=0.01)
    assert json.loads(result.stdout) == json.loads(json.dumps(expected.to_dict()))
    assert (tmp_path / "r.html").is_file()
    assert not (tmp_path / "drift-report.html").exists()


def test_no_report_where_none_is_wanted(files: tuple[str, str], run_watchkeeper: Run, tmp_path: Path) -> None:
    result = run_watchkeeper("drift", "compare", *files, "--no-html")
    assert result.returncode == 0
    assert list(tmp_path.glob("*.html")) == []


def test_standard_input_can_be_one_side(files: tuple[str, str], watchkeeper: Callable[..., list[str]]) -> None:
    line = watchkeeper("drift", "compare", "-", files[0], "--format", "jsonl", "--no-html")
    rows = Path(files[0]).read_bytes()
    piped = subprocess.run(line, input=rows, capture_output=True, timeout=90, check=False)
    assert piped.returncode == 0, piped.stderr
    assert "✓ no_change" in piped.stdout.decode()


def test_what_cannot_be_used_is_one_sentence_and_status_2(files: tuple[str, str], run_watchkeeper: Run) -> None:
    result = run_watchkeeper("drift", "compare", "missing.jsonl", files[0])
    assert result.returncode == 2
    assert result.stderr == "watchkeeper: missing.jsonl: there is no such file\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{before}", "{empty}"), "holds no answers"),
        (("{before}", "{before}", "--alpha", "7"), "alpha"),
        (("{before}", "{before}", "--map", "a=b"), "'b' is unknown"),
        (("{before}", "{before}", "--html", "no/such/folder.html"), "cannot be written there"),
        (("{before}", "{before}", "--format", "xml"), "--format: must be one of"),
        (("-", "-", "--format", "jsonl"), "name a file for the other"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], said: str, files: tuple[str, str], tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    given = [argument.format(before=files[0], empty=empty) for argument in arguments]
    with pytest.raises(WatchkeeperError, match=said):
        CliRunner().invoke(app, ["drift", "compare", *given], catch_exceptions=False)


def test_the_terminal_obeys_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[2J\x1b]0;title\x07 [bold red]not ours[/]"
    show(a_comparison(explanation=hostile, notes=(hostile,), effects={"words": an_effect(title=hostile)}))
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[bold red]not ours[/]" in said


def an_effect_at(d: float, low: float, high: float) -> Effect:
    return an_effect(d=d, low=low, high=high)


def test_the_lane_of_an_effect() -> None:
    assert lane(an_effect_at(0.5, 0.3, 0.7), 1.0) == "          │  ──●──   "
    assert lane(an_effect_at(-9, -10, -8), 1.0) == "●         │          "

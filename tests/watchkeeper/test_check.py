"""`watchkeeper check`: a gate for pipelines, on files and on a running platform."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from typer.testing import CliRunner

from collector.errors import WatchkeeperError
from tests.watchkeeper.test_drift_command import CHATTY, CURT, write
from watchkeeper.__main__ import app

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def golden(tmp_path: Path) -> str:
    return str(write(tmp_path / "golden.jsonl", CHATTY))


@pytest.fixture
def candidate(tmp_path: Path) -> str:
    return str(write(tmp_path / "candidate.jsonl", CURT))


def check(*arguments: str) -> tuple[int, str]:
    """The exit status, and what was printed."""
    result = CliRunner().invoke(app, ["check", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_a_changed_candidate_fails_and_the_xml_says_why(
    golden: str, candidate: str, run_watchkeeper: Run, tmp_path: Path
) -> None:
    result = run_watchkeeper(
        "check", "--reference", golden, "--current", candidate, "--junit", "out.xml", "--html", "r.html"
    )
    assert result.returncode == 1, result.stderr
    assert "FAILED  drift: verdict: model_changed: Answers of" in result.stdout
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert int(root.get("failures", "0")) >= 2
    verdict = root.find(".//testcase[@name='verdict']/failure")
    assert verdict is not None
    assert "shorter" in str(verdict.text)
    assert "The model answers differently now." in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_the_same_answers_pass(golden: str, run_watchkeeper: Run) -> None:
    result = run_watchkeeper("check", "--reference", golden, "--current", golden)
    assert result.returncode == 0, result.stderr
    assert "PASSED  drift: verdict: no_change" in result.stdout


def test_what_fails_can_be_chosen(golden: str, candidate: str) -> None:
    sides = ("--reference", golden, "--current", candidate)
    assert check(*sides, "--fail-on", "quality_dropped")[0] == 0
    assert check(*sides, "--fail-on", "none")[0] == 0
    assert check(*sides, "--fail-on", "traffic_changed, model_changed")[0] == 1


def test_too_little_data_is_status_2_unless_it_is_allowed(golden: str, tmp_path: Path) -> None:
    few = str(write(tmp_path / "few.jsonl", CURT[:3]))
    sides = ("--reference", golden, "--current", few)
    assert check(*sides)[0] == 2
    assert check(*sides, "--allow-not-enough-data")[0] == 0


def test_scores_have_floors_and_ceilings_and_need_no_reference(tmp_path: Path) -> None:
    path = tmp_path / "current.jsonl"
    grounded = {"output": "The order left on Monday.", "contexts": ["The order left on Monday."], "score": 4}
    invented = {"output": "It was stolen by wolves in Berlin.", "contexts": ["The order left on Monday."], "score": 2}
    path.write_text("".join(json.dumps(row) + "\n" for row in [grounded] * 8 + [invented] * 2))
    status, said = check("--current", str(path), "--min", "groundedness=0.9", "--max", "pii=0", "--min", "score=3.5")
    assert status == 1
    assert "FAILED  scores: groundedness >= 0.9: mean 0.8" in said
    assert "PASSED  scores: pii <= 0: mean 0" in said
    assert "PASSED  scores: score >= 3.5: mean 3.6" in said


def test_a_score_that_no_answer_has_is_status_2(candidate: str) -> None:
    assert check("--current", candidate, "--min", "groundedness=0.9")[0] == 2
    assert check("--current", candidate, "--min", "groundedness=0.9", "--allow-not-enough-data")[0] == 0


def test_json_holds_the_checks_and_the_comparison(golden: str, candidate: str) -> None:
    status, said = check("--reference", golden, "--current", candidate, "--json", "--max", "pii=0")
    document = json.loads(said)
    assert status == 1
    assert document["passed"] is False
    assert document["comparison"]["verdict"] == "model_changed"
    assert document["checks"][0]["state"] == "failed"
    assert document["checks"][-1]["name"] == "pii <= 0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name what to check: --current FILE"),
        (("--current", "{golden}"), "name what to check against"),
        (("--current", "{golden}", "--current-since", "1d", "--max", "pii=0"), "give the one or the other"),
        (("--current", "{golden}", "--min", "groundednes=1"), "'groundednes' is unknown.*groundedness"),
        (("--current", "{golden}", "--min", "pii"), "write SCORE=VALUE"),
        (("--current", "{golden}", "--min", "pii=nan"), "write SCORE=VALUE"),
        (("--current", "{golden}", "--reference", "{golden}", "--fail-on", "model_change"), "--fail-on model_change"),
        (("--current", "{golden}", "--max", "pii=0", "--junit", "no/such/out.xml"), "cannot be written there"),
        (("--current-since", "yesterday", "--max", "pii=0"), "--current-since"),
        (("--current-since", "1d", "--max", "pii=0", "--filter", "modle=x"), "modle"),
        (("--current-since", "1d", "--max", "pii=0", "--url", "http://127.0.0.1:9"), "nobody answers"),
    ],
)
def test_what_cannot_be_used_is_said(arguments: tuple[str, ...], said: str, golden: str) -> None:
    with pytest.raises(WatchkeeperError, match=said):
        check(*(argument.format(golden=golden) for argument in arguments))


def post_calls(platform: Any, answers: list[str], *, model: str, day: str) -> None:
    calls = [
        {
            "start_time": f"{day}T10:{i:02d}:00Z", "request_model": model,
            "input_messages": f"Tell me about topic {i}.", "output_messages": answer,
        }
        for i, answer in enumerate(answers)
    ]  # fmt: skip
    lines = "".join(json.dumps(call) + "\n" for call in calls)
    headers = {"content-type": "application/x-ndjson"}
    httpx.post(f"{platform.api}/calls", content=lines, headers=headers, timeout=60).raise_for_status()


def test_either_side_can_be_calls_of_a_platform(platform: Any, golden: str) -> None:
    post_calls(platform, CHATTY, model="old", day="2026-11-10")
    post_calls(platform, CURT, model="new", day="2026-11-12")
    url = ("--url", platform.ui)
    before = ("--reference-since", "2026-11-10", "--reference-until", "2026-11-11")
    after = ("--current-since", "2026-11-12", "--current-until", "2026-11-13")
    assert check("--reference", golden, *after, *url)[0] == 1
    assert check(*before, "--current", golden, *url)[0] == 0
    assert check(*before, *after, *url)[0] == 1
    status, said = check("--reference", golden, "--current-since", "2026-11-01", *url, "--max-calls", "10", "--json")
    document = json.loads(said)
    assert (status, document["comparison"]["n_current"]) == (1, 10)
    # Both models' calls lie in the range; the filter leaves one of them.
    assert check("--reference", golden, "--current-since", "2026-11-01", *url, "--filter", "request_model=old")[0] == 0
    with pytest.raises(WatchkeeperError, match="holds no answers"):
        check("--reference", golden, "--current-since", "2026-11-20", *url)

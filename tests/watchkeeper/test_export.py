"""`watchkeeper export` from a real platform and from a data directory."""

import gzip
import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
CAPTURED = ("opentelemetry-instrumentation-genai-openai-1.3b0", "anthropic-sdk-native-2.11.0", "pydantic-ai-2.68.0")
CAPTURES = Path(__file__).parents[3] / "shared" / "otlp-captures"
RANGE = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-23T00:00:00Z", "limit": "1000"}


def a_call(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "start_time": f"2026-11-{21 + number % 2}T10:{number // 60 % 60:02d}:{number % 60:02d}.00{number % 999:03d}Z",
        "service": "shop" if number % 3 else "bank", "provider": "openai", "request_model": "gpt-4o-mini",
        "input_tokens": number, "output_tokens": 5, "latency_s": 0.1 * number, "user_id": f"u{number % 7}",
        "operation": "chat",
        "input_messages": [{"role": "user", "content": f"question {number} ü"}], "output_messages": f"answer {number}",
        "metadata": {"n": number, "nested": {"list": [1, None, "x"]}}, "tags": ["a"], "contexts": [f"context {number}"],
        "parameters": {"temperature": 0.5},
    } | fields  # fmt: skip


def post(platform: Any, calls: list[dict[str, Any]]) -> list[str]:
    answer = httpx.post(f"{platform.api}/calls", json=calls, timeout=60).raise_for_status().json()
    ids: list[str] = answer["ids"]
    return ids


def all_of(platform: Any, kind: str = "calls") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    params = dict(RANGE)
    while True:
        page = httpx.get(f"{platform.api}/{kind}", params=params, timeout=60).raise_for_status().json()
        found += page["items"]
        if not page["next_cursor"]:
            return found
        params["cursor"] = page["next_cursor"]


@pytest.fixture
def filled(platform: Any) -> Any:
    ids = post(platform, [a_call(i) for i in range(1200)])
    scores = [{"target_id": i, "evaluator": "thumbs", "source": "user", "value": 1} for i in ids[:3]]
    httpx.post(f"{platform.api}/scores", json=scores, timeout=60).raise_for_status()
    return platform


@pytest.mark.parametrize("name", ["calls.jsonl.zst", "calls.parquet"])
def test_what_was_exported_is_imported_to_the_same_calls(
    filled: Any, run_watchkeeper: Run, start_platform: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    out, before = tmp_path / name, all_of(filled)
    form = "parquet" if name.endswith("parquet") else "jsonl"
    result = run_watchkeeper("export", "--url", filled.ui, "--out", str(out), "--format", form)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{out}: 1200 calls\n"
    assert "0 stored, 1200 already there" in run_watchkeeper("import", str(out), "--url", filled.ui).stdout
    filled.stop()
    (tmp_path / "data").rename(tmp_path / "old")
    empty = start_platform()
    assert "1200 stored, 0 already there" in run_watchkeeper("import", str(out), "--url", empty.ui).stdout
    assert all_of(empty) == before


def test_range_and_filters_choose_what_is_exported(filled: Any, run_watchkeeper: Run, tmp_path: Path) -> None:
    out = tmp_path / "some.jsonl"
    chosen = ("--since", "2026-11-22", "--until", "2026-11-22T10:10:00Z", "--filter", "service=bank")
    result = run_watchkeeper("export", "--url", filled.ui, "--out", str(out), *chosen)
    assert result.returncode == 0, result.stderr
    expected = [
        call for call in all_of(filled)
        if call["service"] == "bank" and "2026-11-22" <= call["start_time"] < "2026-11-22T10:10:00Z"
    ]  # fmt: skip
    assert [json.loads(line) for line in out.read_text().splitlines()] == expected
    assert 0 < len(expected) < 400


def test_scores_are_exported_and_a_data_directory_gives_the_same_files(
    filled: Any, run_watchkeeper: Run, tmp_path: Path
) -> None:
    files = {}
    for place in ("url", "data-dir"):
        for kind, form, suffix in (("calls", "jsonl", "jsonl"), ("scores", "jsonl", "jsonl"), ("spans", "otlp", "pb")):
            out = tmp_path / f"{place}-{kind}.{suffix}"
            where = filled.ui if place == "url" else str(filled.data_dir)
            # A range of days with no score that is made meanwhile: the platform evaluates what it gets.
            arguments = ("--kind", kind, "--format", form, "--out", str(out), "--until", "2026-11-23")
            more = ("--filter", "evaluator=thumbs") if kind == "scores" else ()
            result = run_watchkeeper("export", f"--{place}", where, *arguments, *more)
            assert result.returncode == 0, result.stderr
            files[place, kind] = out.read_bytes()
        if place == "url":
            filled.stop()
    for kind in ("calls", "scores", "spans"):
        assert files["url", kind] == files["data-dir", kind]
    scores = [json.loads(line) for line in files["url", "scores"].splitlines()]
    assert [(score["evaluator"], score["value"]) for score in scores] == [("thumbs", 1.0)] * 3


def requests_of(path: Path) -> list[bytes]:
    body, found = path.read_bytes(), []
    while body:
        (n_bytes,) = struct.unpack(">I", body[:4])
        found.append(body[4 : 4 + n_bytes])
        body = body[4 + n_bytes :]
    return found


FACTS = (
    "trace_id", "span_id", "start_time", "service", "environment", "operation", "provider", "request_model",
    "response_model", "input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens", "input_messages",
    "output_messages", "session_id", "user_id", "error_type", "latency_s",
)  # fmt: skip


def test_exported_spans_received_again_are_the_same_calls(
    platform: Any, run_watchkeeper: Run, start_platform: Callable[..., Any], tmp_path: Path
) -> None:
    post(platform, [a_call(i) for i in range(30)])
    captured = [path for name in CAPTURED for path in sorted((CAPTURES / name).glob("traces-*"))]
    if not captured:
        pytest.skip("needs shared/otlp-captures")
    for path in captured:
        headers = {"content-type": "application/json" if path.suffix == ".json" else "application/x-protobuf"}
        httpx.post(f"{platform.otlp_http}/v1/traces", content=path.read_bytes(), headers=headers).raise_for_status()
    pb, lines = tmp_path / "spans.pb", tmp_path / "spans.jsonl.gz"
    for out, form in ((pb, "otlp"), (lines, "otlp-json")):
        result = run_watchkeeper("export", "--url", platform.ui, "--format", form, "--out", str(out))
        assert result.returncode == 0, result.stderr
    ever = {"since": "1970-01-01T00:00:00Z", "until": "2199-01-01T00:00:00Z", "limit": "1000"}

    def facts(of: Any) -> dict[tuple[str, str], Any]:
        """By call and field; latencies to the microsecond: a span ends at a whole nanosecond."""
        items = httpx.get(f"{of.api}/calls", params=ever, timeout=60).raise_for_status().json()["items"]
        rounded = [call | {"latency_s": round(call["latency_s"] or 0.0, 6)} for call in items]
        return {(call["span_id"], name): call[name] for call in rounded for name in FACTS}

    before = facts(platform)
    assert len(before) > 40 * len(FACTS)
    platform.stop()
    for number, (content_type, bodies) in enumerate(
        [
            ("application/x-protobuf", requests_of(pb)),
            ("application/json", gzip.decompress(lines.read_bytes()).splitlines()),
        ]
    ):
        (tmp_path / "data").rename(tmp_path / f"old-{number}")
        again = start_platform()
        for body in bodies:
            headers = {"content-type": content_type}
            httpx.post(f"{again.otlp_http}/v1/traces", content=body, headers=headers, timeout=60).raise_for_status()
        got = facts(again)
        assert {key: (before[key], got.get(key)) for key in before if got.get(key) != before[key]} == {}
        assert got.keys() == before.keys()
        again.stop()


def test_a_failed_export_leaves_no_file_and_the_old_one_alone(run_watchkeeper: Run, tmp_path: Path) -> None:
    out = tmp_path / "calls.jsonl"
    out.write_text("old\n")
    result = run_watchkeeper("export", "--url", "http://127.0.0.1:1", "--out", str(out))
    assert result.returncode == 2
    assert "nobody answers" in result.stderr
    assert out.read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["calls.jsonl"]


def test_standard_output_takes_lines(filled: Any, run_watchkeeper: Run) -> None:
    result = run_watchkeeper("export", "--url", filled.ui, "--out", "-", "--filter", "user_id=u3")
    assert {json.loads(line)["user_id"] for line in result.stdout.splitlines()} == {"u3"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "xml"), "--format: must be"),
        (("--kind", "logs"), "--kind: must be"),
        (("--format", "otlp", "--kind", "calls"), "--kind spans"),
        (("--format", "parquet", "--kind", "spans"), "otlp"),
        (("--since", "yesterday"), "--since: "),
        (("--since", "2026-11-22", "--until", "2026-11-21"), "swap them"),
        (("--filter", "modle=x"), "modle: unknown"),
        (("--filter", "service"), "NAME=VALUE"),
        (("--data-dir", "none"), "holds no telemetry"),
        (("--out", "no/such/folder/file"), "cannot be written"),
    ],
)
def test_what_cannot_be_is_told_with_the_way_out(run_watchkeeper: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run_watchkeeper("export", "--out", "calls.jsonl", *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr

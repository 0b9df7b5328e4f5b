"""`watchkeeper import` into a real platform and into a data directory."""

import gzip
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.errors import BadRequest
from watchkeeper.commands.rest import PlatformUnavailable, Rest
from watchkeeper.commands.sinks import Counts, Item, write_all

Run = Callable[..., subprocess.CompletedProcess[str]]
SHARED = Path(__file__).parents[3] / "shared" / "data"
FOREVER = {"since": "1970-01-01T00:00:00Z", "until": "2199-01-01T00:00:00Z", "limit": "1000"}


def a_call(number: int, **fields: Any) -> dict[str, Any]:
    start = f"2026-11-21T10:{number // 60 % 60:02d}:{number % 60:02d}Z"
    return {"start_time": start, "service": "shop", "input_messages": f"question {number}"} | fields


def write_lines(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(row + "\n" if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return path


def stored(platform: Any, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = httpx.get(f"{platform.api}/calls", params={**FOREVER, **params, **cursor}, timeout=60)
        page = answer.raise_for_status().json()
        found += page["items"]
        if not page["next_cursor"]:
            return found
        cursor = {"cursor": page["next_cursor"]}


def n_stored_in(platform: Any) -> int:
    params = {"since": FOREVER["since"], "until": FOREVER["until"], "metric": "requests"}
    rows = httpx.get(f"{platform.api}/timeseries", params=params, timeout=60).raise_for_status().json()["items"]
    return sum(row["requests"] for row in rows)


def test_a_file_is_imported_bad_rows_are_set_aside_and_again_changes_nothing(
    platform: Any, run_watchkeeper: Run, tmp_path: Path
) -> None:
    rows = [*map(a_call, range(1100)), a_call(0), "{not json", a_call(1, latency_s="slow"), {"service": "no time"}]
    path = write_lines(tmp_path / "calls.jsonl", rows)
    arguments = ("import", str(path), "--url", platform.ui, "--environment", "prod", "--project", "default")
    first = run_watchkeeper(*arguments)
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"{path}: 1100 stored, 1 already there, 3 rejected (see {path}.rejects.jsonl)\n"
    again = run_watchkeeper(*arguments)
    assert "0 stored, 1101 already there, 3 rejected" in again.stdout
    calls = stored(platform)
    texts = {call["input_messages"][0]["parts"][0]["content"] for call in calls}
    assert texts == {f"question {i}" for i in range(1100)}
    assert len(calls) == 1100
    assert {call["environment"] for call in calls} == {"prod"}
    rejects = [json.loads(line) for line in Path(f"{path}.rejects.jsonl").read_text().splitlines()]
    assert sorted(entry["line"] for entry in rejects) == [1102, 1103, 1104]
    by_line = {entry["line"]: entry for entry in rejects}
    assert by_line[1102]["row"] == "{not json"
    assert by_line[1103]["reason"].startswith("latency_s: ")
    assert by_line[1103]["row"] == a_call(1, latency_s="slow")
    assert by_line[1104]["reason"] == "start_time: missing"
    assert "line 1104: start_time: missing" in first.stderr
    assert run_watchkeeper(*arguments, "--strict").returncode == 1


def test_real_logs_through_a_mapping_packed_and_from_a_pipe(
    platform: Any, watchkeeper: Callable[..., list[str]], tmp_path: Path
) -> None:
    source = SHARED / "drift-llmdrift.jsonl.gz"
    if not source.exists():
        pytest.skip("needs shared/data")
    rows = [json.loads(line) for line in gzip.decompress(source.read_bytes()).splitlines()[:400]]
    kept = [row for row in rows if row.get("prompt") and row.get("output")]
    assert len(kept) > 100
    lines = "".join(json.dumps(row | {"when": 1_795_255_200 + i}) + "\n" for i, row in enumerate(kept))
    maps = ("--map", "when=start_time", "--map", "prompt=input_messages", "--map", "output=output_messages",
            "--map", "model=request_model", "--map", "task=metadata.task", "--map", "t=-")  # fmt: skip
    result = subprocess.run(
        watchkeeper("import", "-", "--format", "jsonl", "--url", platform.ui, "--service", "llmdrift", *maps),
        input=lines, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert f"{len(kept)} stored" in result.stdout, result.stderr
    calls = sorted(stored(platform, service="llmdrift"), key=lambda call: call["start_time"])
    texts = [call["input_messages"][0]["parts"][0]["content"] for call in calls]
    assert texts == [row["prompt"] for row in kept]
    assert calls[0]["metadata"]["task"] == kept[0]["task"]
    assert calls[0]["metadata"]["source"] == kept[0]["source"]


def test_a_dry_run_shows_the_first_call_and_sends_nothing(run_watchkeeper: Run, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "calls.jsonl", ["broken", a_call(1), a_call(2, input_tokens=-1), a_call(3)])
    result = run_watchkeeper("import", "--dry-run", str(path))  # no platform is running
    assert result.returncode == 0
    document, _, summary = result.stdout.rpartition(f"{path}: ")
    assert json.loads(document)["start_time"] == "2026-11-21T10:00:01Z"
    assert summary == "2 calls found, none sent, 2 rejected\n"
    assert not Path(f"{path}.rejects.jsonl").exists()


def test_a_data_directory_is_written_without_a_platform_and_refused_to_two(
    start_platform: Callable[..., Any], run_watchkeeper: Run, tmp_path: Path
) -> None:
    with_card = a_call(20, output_messages="it is 4111 1111 1111 1111")
    path = write_lines(tmp_path / "calls.jsonl", [*map(a_call, range(19)), with_card, {"bad": 1}])
    arguments = ("import", str(path), "--data-dir", str(tmp_path / "data"))
    assert "20 stored, 0 already there, 1 rejected" in run_watchkeeper(*arguments).stdout
    assert "0 stored, 20 already there, 1 rejected" in run_watchkeeper(*arguments).stdout
    platform = start_platform()
    calls = stored(platform)
    assert len(calls) == 20
    assert calls[0]["output_messages"][0]["parts"][0]["content"] == "it is [CARD]"
    refused = run_watchkeeper(*arguments)
    assert refused.returncode == 2
    assert "in use by another Watchkeeper" in refused.stderr
    assert platform.stop() == 0


def test_an_import_that_was_killed_is_completed_by_the_next(
    platform: Any, watchkeeper: Callable[..., list[str]], run_watchkeeper: Run, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "calls.jsonl", [a_call(i, output_messages="x" * 500) for i in range(4000)])
    arguments = ("import", str(path), "--url", platform.ui)
    process = subprocess.Popen(watchkeeper(*arguments), cwd=tmp_path, stdout=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 60
    while not n_stored_in(platform) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL, "it was done before it could be killed"
    result = run_watchkeeper(*arguments)
    assert result.returncode == 0, result.stderr
    n_stored, n_known = (int(word) for word in result.stdout.split()[1:5] if word.isdecimal())
    assert n_stored + n_known == 4000
    assert n_known > 0
    assert n_stored_in(platform) == 4000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.jsonl",), "there is no such file"),
        (("here.txt",), "--format"),
        (("here.jsonl", "--preset", "litelm"), "did you mean litellm?"),
        (("here.jsonl", "--map", "a=b"), "is no field of a call"),
        (("here.jsonl", "--timezone", "Mars"), "--timezone Mars: unknown"),
        (("here.jsonl", "--url", "http://x", "--data-dir", "d"), "give the one or the other"),
        (("here.jsonl", "--url", "http://127.0.0.1:1"), "nobody answers; start `watchkeeper up`"),
        (("here.jsonl", "--url", "no-url"), "write it like http://127.0.0.1:8600"),
        (("-", "--format", "parquet"), "Parquet cannot be read from a pipe"),
    ],
)
def test_what_cannot_be_is_told_with_the_way_out(
    run_watchkeeper: Run, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    for name in ("here.jsonl", "here.txt"):
        write_lines(tmp_path / name, [a_call(1)])
    result = run_watchkeeper("import", *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_ends_in_the_middle_keeps_what_it_has_and_fails(run_watchkeeper: Run, tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl.gz"
    lines = (json.dumps(a_call(i, user_id=str(hash(str(i))))) + "\n" for i in range(5000))
    whole = gzip.compress("".join(lines).encode())
    path.write_bytes(whole[: len(whole) // 2])
    result = run_watchkeeper("import", str(path), "--data-dir", str(tmp_path / "data"))
    assert result.returncode == 2
    assert "is the file whole?" in result.stderr
    n_stored = int(result.stdout.split(": ")[1].split()[0])
    assert 0 < n_stored < 5000


class Picky:
    """A sink that refuses some calls for reasons of its own, as a platform with other limits would."""

    def __init__(self, refused: set[int]) -> None:
        self.refused = refused
        self.written: list[int] = []

    def write(self, items: Sequence[Item]) -> Counts:
        if any(item.number in self.refused for item in items):
            raise BadRequest("line 1: not here" if len(items) == 1 else "one of them: not here")
        self.written += [item.number for item in items]
        return Counts(n_stored=len(items))


@pytest.mark.parametrize("refused", [set(), {0}, {99}, {3, 4, 50}, set(range(100))])
def test_of_a_refused_batch_only_the_refused_calls_are_rejected(refused: set[int]) -> None:
    items = [Item(i, {}, a_call(i), b"") for i in range(100)]
    sink = Picky(refused)
    result = write_all(sink, items)
    assert sorted(sink.written) == sorted(set(range(100)) - refused)
    assert {refusal.item.number for refusal in result.refusals} == refused
    assert {refusal.reason for refusal in result.refusals} <= {"not here"}
    assert sum(counts.n_stored for counts in result.parts) == 100 - len(refused)


@pytest.fixture
def server() -> Iterator[Any]:
    """A server that gives the answers in `server.answers` one after the other, and the last one for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            answers = self.server.answers  # type: ignore[attr-defined]
            status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.server.n_asked += 1  # type: ignore[attr-defined]
            self.send_response(status)
            for name, value in (*headers.items(), ("content-length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.n_asked = 0  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield http
    http.shutdown()
    thread.join()
    http.server_close()


def error(message: str) -> bytes:
    return json.dumps({"error": {"type": "t", "message": message}}).encode()


def post(server: Any, waits: list[float], **options: Any) -> Any:
    now_s = [0.0]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now_s[0] += seconds

    with Rest(f"http://127.0.0.1:{server.server_port}", sleep=sleep, clock=lambda: now_s[0], **options) as rest:
        return rest.post("calls", b"{}", content_type="application/json", params={})


def test_a_platform_that_asks_for_patience_is_asked_again(server: Any) -> None:
    server.answers = [(503, {"retry-after": "7"}, error("full")), (429, {}, error("slow")), (200, {}, b'{"stored": 1}')]
    waits: list[float] = []
    assert post(server, waits) == {"stored": 1}
    assert waits[0] == 7.0
    assert len(waits) == 2


def test_patience_ends_and_says_how_to_go_on(server: Any) -> None:
    server.answers = [(503, {"retry-after": "5"}, error("the disk is full"))]
    with pytest.raises(PlatformUnavailable, match=r"the disk is full, for 60 s; run the command again"):
        post(server, [], patience_s=60.0)
    assert server.n_asked > 3


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, error("line 3: bad"), BadRequest, "line 3: bad"),
        (413, error("too large"), BadRequest, "too large"),
        (401, error("an API key is needed"), PlatformUnavailable, "WATCHKEEPER_API_KEY"),
        (403, error("this key is for 'a'"), PlatformUnavailable, "this key is for 'a'"),
        (404, b"<html>", PlatformUnavailable, "answered 404"),
        (200, b"<html>", PlatformUnavailable, "this is no Watchkeeper"),
    ],
)
def test_what_patience_cannot_help_is_told_at_once(server: Any, status: int, body: bytes, kind: Any, said: str) -> None:
    server.answers = [(status, {}, body)]
    with pytest.raises(kind) as caught:
        post(server, [])
    assert said in str(caught.value)
    assert server.n_asked == 1

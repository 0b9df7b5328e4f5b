"""The child process, as a real process: it scores, survives what it can, and ends when its parent does."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluators.scoring import CallTexts, score
from evaluators.worker import Worker, WorkerUnavailable

A_TEXT = CallTexts("When do you close?", "We close at 4 pm.", ("Opening hours: 10 am to 4 pm.",))

# The real server around tasks that do what the worst texts do.
FRAGILE = """
import ctypes, os, signal, sys, time
from multiprocessing.connection import Connection
from pathlib import Path
from collector.childprocess import serve

def run(text):
    if text.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if text.startswith("hang"):
        ctypes.PyDLL(None).sleep(1000)  # holds the interpreter, as a regular expression does
    if text.startswith("stop"):
        os.kill(os.getpid(), signal.SIGSTOP)
    if text.startswith("once ") and not Path(text[5:]).exists():
        Path(text[5:]).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if text.startswith("raise"):
        raise ValueError("no")
    return text.upper()

serve(Connection(int(sys.argv[1])), {"score": run, "encode": lambda texts: [run(text) for text in texts]})
"""


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


@pytest.fixture
def fragile() -> Iterator[Callable[..., Worker]]:
    made = []

    def make(unit_timeout_s: float = 60.0) -> Worker:
        made.append(Worker(command=(sys.executable, "-P", "-c", FRAGILE), unit_timeout_s=unit_timeout_s))
        return made[-1]

    yield make
    for worker in made:
        worker.close()


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s} s"
        time.sleep(0.02)


def test_the_child_computes_what_the_function_computes(worker: Worker) -> None:
    texts = [A_TEXT, CallTexts("", "", ()), CallTexts("Hi", "x" * 100_000, ("y" * 100_000,))]
    assert worker.score(texts) == [score(text) for text in texts]


def test_no_calls_need_no_process(worker: Worker) -> None:
    assert worker.score([]) == []
    assert worker.pid is None


def test_the_child_gives_way_to_ingest_and_the_parent_stays_free_of_torch() -> None:
    program = """
        import os, sys
        from evaluators.worker import Worker
        from evaluators.scoring import CallTexts
        worker = Worker()
        worker.score([CallTexts("", "yes", ())])
        assert os.getpriority(os.PRIO_PROCESS, worker.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 10
        assert len(worker.encode([["yes"]])[0][0]) == 384
        assert "torch" not in sys.modules and "transformers" not in sys.modules
        worker.close()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=120)


def test_a_child_killed_in_the_middle_of_its_work_is_replaced_and_nothing_is_lost(worker: Worker) -> None:
    texts = [A_TEXT._replace(output=f"Answer {i}. " * 400) for i in range(300)]
    expected = [score(text) for text in texts]
    worker.score([A_TEXT])
    pid = worker.pid
    assert pid is not None
    killer = threading.Timer(0.2, os.kill, (pid, signal.SIGKILL))
    killer.start()
    assert worker.score(texts) == expected
    killer.join()
    assert worker.n_restarts == 1
    assert worker.pid != pid


def test_a_text_that_ends_one_child_gets_a_second_try(fragile: Callable[..., Worker], tmp_path: Path) -> None:
    worker = fragile()
    assert worker.score(["a", f"once {tmp_path / 'seen'}", "b"]) == ["A", f"ONCE {tmp_path / 'seen'}".upper(), "B"]
    assert worker.n_restarts == 1


def test_a_text_that_ends_two_children_is_left_out_and_reported(
    fragile: Callable[..., Worker], caplog: pytest.LogCaptureFixture
) -> None:
    assert fragile().score(["a", "kill", "b", "kill", "c"]) == ["A", None, "B", None, "C"]
    assert "it ended 2 scoring processes, the last one: it ended by signal 9" in caplog.text


def test_a_text_that_raises_costs_only_itself(fragile: Callable[..., Worker], caplog: pytest.LogCaptureFixture) -> None:
    worker = fragile()
    assert worker.score(["a", "raise", "b"]) == ["A", None, "B"]
    assert "ValueError: no" in caplog.text
    assert worker.n_restarts == 0


@pytest.mark.parametrize("text", ["hang", "stop"])
def test_a_text_that_hangs_is_given_up_in_time(
    fragile: Callable[..., Worker], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.worker._SLACK_S", 0.5)
    worker = fragile(unit_timeout_s=1.0)
    assert worker.score(["a"]) == ["A"]
    started_s = time.monotonic()
    assert worker.score(["b", text, "c"]) == ["B", None, "C"]
    assert time.monotonic() - started_s < 20


def test_in_a_batch_of_texts_only_the_bad_one_has_no_vector(fragile: Callable[..., Worker]) -> None:
    assert fragile().encode([["a", "kill", "b"], ["raise", "c"], ["d"]]) == [["A", None, "B"], [None, "C"], ["D"]]


def test_a_child_that_cannot_start_is_no_fault_of_the_texts() -> None:
    worker = Worker(command=(sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(WorkerUnavailable, match="cannot be started: it ended with status 3"):
        worker.score([A_TEXT])


def test_closing_ends_a_child_that_is_at_work_and_says_so_to_who_waits(fragile: Callable[..., Worker]) -> None:
    worker = fragile()
    worker.score(["a"])
    pid = worker.pid
    assert pid is not None
    errors = []

    def work() -> None:
        try:
            worker.score(["hang"])
        except WorkerUnavailable as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.3)
    started_s = time.monotonic()
    worker.close()
    thread.join(10)
    assert time.monotonic() - started_s < 3
    assert len(errors) == 1
    assert not is_running(pid)
    with pytest.raises(WorkerUnavailable, match="was stopped"):
        worker.score(["a"])


@pytest.mark.parametrize("task", ["nothing", "hang"])
def test_a_child_ends_with_a_parent_that_was_killed(task: str) -> None:
    """Also in the middle of a text that hangs, where nothing in the child can look for its parent."""
    program = f"""
        import sys, threading
        from evaluators.worker import Worker
        worker = Worker(command=(sys.executable, "-P", "-c", {FRAGILE!r}), unit_timeout_s=2.0)
        worker.score(["a"])
        if {task!r} == "hang":
            threading.Thread(target=worker.score, args=(["hang"],)).start()
        print(worker.pid, flush=True)
        threading.Event().wait()
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_running(pid))

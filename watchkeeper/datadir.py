"""The data directory belongs to one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import WatchkeeperError

LOCK_NAME = "watchkeeper.lock"


class DataDirUnavailable(WatchkeeperError):
    """The data directory cannot be used; the text says what to do."""


class DataDirInUse(DataDirUnavailable):
    """Another process holds it."""


@contextmanager
def claimed(data_dir: Path) -> Iterator[Path]:
    """`data_dir`, made if it is not there and held until the end; the lock dies with the process, however it dies.

    Raises:
        DataDirUnavailable: if it cannot be written or another process holds it.
    """
    path = data_dir.resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataDirUnavailable(
            f"{path}: cannot be written ({error.strerror}); choose a folder that this user owns with --data-dir"
        ) from error
    try:
        _lock(path, lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield path
    finally:
        os.close(lock)


def note_url(data_dir: Path, url: str) -> None:
    """Leave word where the process that holds `data_dir` answers, for commands that must not open it themselves."""
    (data_dir / LOCK_NAME).write_text(f"{os.getpid()}\n{url}\n", encoding="utf-8")


def noted_url(data_dir: Path) -> str | None:
    """Where the process that holds `data_dir` answers; None: it has not said."""
    try:
        lines = (data_dir / LOCK_NAME).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return lines[1] if len(lines) > 1 else None


def _lock(path: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 32, 0).decode(errors="replace").partition("\n")[0] or "unknown"
        raise DataDirInUse(
            f"{path}: in use by another Watchkeeper (process {holder}); stop that one, "
            "or give this one a folder of its own with --data-dir"
        ) from error


def write_problem(data_dir: Path) -> str | None:
    """Why nothing can be written to `data_dir` now, None when it can."""
    probe = data_dir / f".write-probe-{os.getpid()}"
    try:
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        return f"{data_dir}: {error.strerror}"
    return None

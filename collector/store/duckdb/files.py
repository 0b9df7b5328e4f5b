"""New DuckDB files that are whole from the moment they have their name."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from duckdb import DuckDBPyConnection


def make_file(db: DuckDBPyConnection, path: Path, fill: Callable[[str], None]) -> None:
    """Make `path`, filled by `fill(name of the attached file)`, unless it is there.

    It is made under another name and linked: a kill in between leaves no half a file, which DuckDB would refuse, and
    of two processes that make the same file both go on with the one that came first.
    """
    if path.exists():
        return
    draft = path.with_name(f"draft-{os.getpid()}.duckdb")
    try:
        _remove(draft)
        db.execute(f"ATTACH {quoted(draft)} AS draft")
        try:
            fill("draft")
            db.execute("CHECKPOINT draft")
        finally:
            db.execute("DETACH draft")
        with suppress(FileExistsError):
            os.link(draft, path)
        sync_folder(path.parent)
    finally:
        _remove(draft)


def remove_drafts(folder: Path) -> None:
    """What a process left that was killed while it made a file. Only for the owner of `folder`."""
    for draft in folder.glob("draft-*.duckdb*"):
        draft.unlink(missing_ok=True)


def quoted(path: Path) -> str:
    """`path` as an SQL text."""
    return "'" + str(path).replace("'", "''") + "'"


def _remove(draft: Path) -> None:
    for path in (draft, Path(f"{draft}.wal")):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on disk."""
    _sync(folder, os.O_RDONLY)


def sync_file(path: Path) -> None:
    """Have what is in `path` on disk."""
    _sync(path, os.O_RDWR)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

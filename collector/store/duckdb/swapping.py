"""Files that take the place of others: all at once, whenever the process or the machine dies."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from collector.errors import StoreUnavailable
from collector.store.duckdb.files import sync_file, sync_folder

_SUFFIX = ".swap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """`draft` gets the name `made`, and the files `gone` are deleted with their logs; `made` None: nothing comes.

    All are names in one folder. `made` is the name of no file yet.
    """

    draft: str | None = None
    made: str | None = None
    gone: Sequence[str]


def commit(folder: Path, swap: Swap) -> Path:
    """Make the decision durable and give the draft its name; gives the note of it, which `finish` takes away.

    From the return on the swap is done, if not in this process then by `recover`; after an error it is not done.

    Raises:
        OSError
    """
    note = folder / f"{Path(swap.gone[0]).stem}{_SUFFIX}"
    half = folder / f"draft-{os.getpid()}.duckdb{_SUFFIX}"
    if swap.draft is not None:
        sync_file(folder / swap.draft)
    half.write_text(json.dumps(asdict(swap)), encoding="utf-8")
    sync_file(half)
    sync_folder(folder)
    os.replace(half, note)
    try:
        sync_folder(folder)
        _name(folder, swap)
        sync_folder(folder)
    except OSError:
        note.unlink(missing_ok=True)
        if swap.made is not None:
            (folder / swap.made).unlink(missing_ok=True)
        raise
    return note


def finish(folder: Path, gone: Sequence[str], note: Path) -> None:
    """Delete the files `gone` that nobody reads any more, then the note of the swap. May be done again."""
    for name in gone:
        remove(folder / name)
    sync_folder(folder)
    note.unlink(missing_ok=True)
    sync_folder(folder)


def recover(folder: Path) -> None:
    """Bring to its end what a process decided that did not live to do it. Before any file of `folder` is opened.

    Raises:
        StoreUnavailable: if there is a note that is none of ours.
    """
    for note in sorted(folder.glob(f"*{_SUFFIX}")):
        if note.name.startswith("draft-"):
            continue
        try:
            swap = Swap(**json.loads(note.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise StoreUnavailable(f"{note} cannot be read ({error}); restore it, or move it away") from error
        _name(folder, swap)
        finish(folder, swap.gone, note)


def remove(path: Path) -> None:
    """Delete a day file. Its log goes first: one without its file would be taken for that of the next file so named."""
    Path(f"{path}.wal").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _name(folder: Path, swap: Swap) -> None:
    if swap.draft is not None and swap.made is not None and (folder / swap.draft).exists():
        os.replace(folder / swap.draft, folder / swap.made)

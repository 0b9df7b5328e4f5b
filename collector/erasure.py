"""Erasing a person: from the telemetry, the review queue and the disk, with a receipt in the audit log."""

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, select, tuple_

from collector.errors import BadRequest, StoreUnavailable
from collector.projects.audit import write_entry
from collector.state.tables import audit_log, review_items
from collector.store.base import Belongings, TelemetryEraser
from collector.times import format_rfc3339

ACTION = "erase"
MAX_ID_CHARS = 1024
LATER = "What arrives for this user after `time` is stored: stop sending it first, and erase again if some came late."

_FOLDER = "erasing"
_CALLS_PER_STATEMENT = 400

log = logging.getLogger(__name__)

Receipt = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`actor`: who asks. `request_id`: asked twice with the same one, a person is erased once."""

    user: str
    project: str | None
    actor: str
    request_id: str | None = None

    def __post_init__(self) -> None:
        if not self.user or len(self.user) > MAX_ID_CHARS:
            raise BadRequest(f"user_id: must have 1 to {MAX_ID_CHARS} characters, got {len(self.user)}")

    @property
    def user_sha256(self) -> str:
        """Whoever knows the id can check that a receipt is about it; from the receipt alone nobody learns it."""
        return hashlib.sha256(self.user.encode(errors="surrogatepass")).hexdigest()


def _nothing() -> None: ...


def _as_it_is(_user: str) -> Collection[str]:
    return ()


class Erasures:
    """Erases one person after the other in a thread of its own.

    What is to go is noted in `data_dir` before, so that an erasure that is cut off is finished by `resume`.

    Args:
        redacted: the forms under which redaction may have stored an id.
        settle: sees to it that what was taken is in the store and nowhere else, or raises StoreUnavailable.
    """

    def __init__(
        self,
        store: TelemetryEraser,
        engine: Engine,
        data_dir: Path,
        *,
        redacted: Callable[[str], Collection[str]] = _as_it_is,
        settle: Callable[[], None] = _nothing,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._engine = engine
        self._folder = data_dir / _FOLDER
        self._redacted = redacted
        self._settle = settle
        self._clock = clock
        self._lock = threading.Lock()
        self._turn = threading.RLock()  # one at a time, those that are resumed too
        self._in_hand: dict[str, Future[Receipt]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="erasing")

    def submit(self, asked: Asked) -> Future[Receipt]:
        """The future holds the receipt, or StoreUnavailable; then it is finished after the next start."""
        if asked.request_id is None:
            return self._thread.submit(self.erase, asked)
        with self._lock:
            future = self._in_hand.get(asked.request_id)
            if future is None:
                future = self._in_hand[asked.request_id] = self._thread.submit(self.erase, asked)
                future.add_done_callback(lambda _: self._in_hand.pop(asked.request_id or "", None))
            return future

    def erase(self, asked: Asked) -> Receipt:
        """Erase, and give the receipt: nothing of the person is in any file of the store afterwards.

        Raises:
            StoreUnavailable: some of it may be gone and some not; the same again goes on where it ended.
        """
        with self._turn:
            self.resume(only=asked)
            if (receipt := self._receipt_of(asked.request_id)) is not None:  # of what was resumed
                return receipt
            ids = tuple(dict.fromkeys((asked.user, *self._redacted(asked.user))))
            found = self._store.belongings(ids, project=asked.project)
            note = self._note_down(asked, found)
            return self._finish(asked, found, note)

    def resume(self, *, only: Asked | None = None) -> None:
        """Finish what was cut off: all, or what was to go of the same person.

        Raises:
            StoreUnavailable: it must wait.
        """
        with self._turn:
            self._settle()
            for note in sorted(self._folder.glob("*.json")):
                asked, found = _read_note(note)
                if only is None or (asked.user, asked.project) == (only.user, only.project):
                    log.info("an erasure that was cut off is finished")
                    self._finish(asked, found, note)

    def close(self) -> None:
        """The store must have been told to stop; else this waits for what is in hand."""
        self._thread.shutdown(cancel_futures=True)

    def _finish(self, asked: Asked, found: Belongings, note: Path) -> Receipt:
        n_items = self._erase_review_items(found.calls)
        erased = self._store.erase(found)
        details = {
            "user_sha256": asked.user_sha256,
            "project": asked.project,
            "erased": {**erased.counts, "review_items": n_items},
            "days": list(erased.days),
            "request_id": asked.request_id,
        }
        time_ns = self._clock()
        target = f"user:sha256:{asked.user_sha256}"
        with self._engine.begin() as connection:
            number = write_entry(
                connection, time_ns=time_ns, actor=asked.actor, action=ACTION, target=target, details=details
            )
        note.unlink()
        return _receipt(number, time_ns, asked.actor, details)

    def _note_down(self, asked: Asked, found: Belongings) -> Path:
        values = {name: _listed(value) for name, value in _fields(found).items()}
        self._folder.mkdir(mode=0o700, exist_ok=True)
        note = self._folder / f"{asked.user_sha256[:16]}-{self._clock()}.json"
        half = note.with_suffix(".half")
        try:
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump({"asked": asdict(asked), "found": values}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(half, note)
        except OSError as error:
            half.unlink(missing_ok=True)
            raise StoreUnavailable(f"{note}: {error}; nothing was erased") from error
        return note

    def _erase_review_items(self, calls: Collection[tuple[str, str]]) -> int:
        places, n_erased = sorted(calls), 0
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete = ON")  # else the bytes stay in the file
                connection.commit()
            for i in range(0, len(places), _CALLS_PER_STATEMENT):
                some = places[i : i + _CALLS_PER_STATEMENT]
                is_theirs = tuple_(review_items.c.project, review_items.c.call_id).in_(some)
                n_erased += connection.execute(delete(review_items).where(is_theirs)).rowcount
            connection.commit()
            if n_erased and self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return n_erased

    def _receipt_of(self, request_id: str | None) -> Receipt | None:
        """That of an erasure that is done."""
        if request_id is None:
            return None
        is_asked = audit_log.c.details["request_id"].as_string() == request_id
        query = select(audit_log).where(audit_log.c.action == ACTION, is_asked).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else _receipt(row.entry_id, row.time_ns, row.actor, row.details)


def _receipt(number: int, time_ns: int, actor: str, details: Mapping[str, Any]) -> Receipt:
    told = {name: value for name, value in details.items() if name != "request_id"}
    return {"receipt": number, "time": format_rfc3339(time_ns), "actor": actor, **told, "note": LATER}


def _read_note(note: Path) -> tuple[Asked, Belongings]:
    try:
        read = json.loads(note.read_text(encoding="utf-8"))
        found: dict[str, Any] = {
            name: value if name == "project" else _tuples(value) if name != "ids" else tuple(value)
            for name, value in read["found"].items()
        }
        return Asked(**read["asked"]), Belongings(**found)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreUnavailable(f"{note}: cannot be read ({error}); delete it and erase that user again") from error


def _fields(found: Belongings) -> dict[str, Any]:
    return {field.name: getattr(found, field.name) for field in fields(found)}


def _listed(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else sorted(value)


def _tuples(rows: Iterable[Iterable[str]]) -> frozenset[Any]:
    return frozenset(tuple(row) for row in rows)

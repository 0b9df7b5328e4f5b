"""The rows that were not taken, in a file beside the one that was read."""

import json
import os
from pathlib import Path
from typing import Any, TextIO

from collector.errors import WatchkeeperError

N_SHOWN = 5


class Rejects:
    """Counts rejected rows, and writes each as one JSON object: file, line or row, reason, the row itself.

    The file is made with the first of them; one of an earlier run is written over. `path` None: nothing is written.
    """

    def __init__(self, source: str, path: Path | None, *, place: str) -> None:
        self._source, self._path, self._place = source, path, place
        self._file: TextIO | None = None
        self.n_rows = 0
        self.first: list[str] = []
        """The first reasons, with their places."""

    @property
    def path(self) -> Path | None:
        """Where they are, None where there are none."""
        return self._path if self._file else None

    def add(self, number: int, reason: str, row: Any) -> None:
        self.n_rows += 1
        if len(self.first) < N_SHOWN:
            self.first.append(f"{self._place} {number}: {reason}")
        if self._path is None:
            return
        if self._file is None:
            self._file = self._open(self._path)
        entry = {"file": self._source, self._place: number, "reason": reason, "row": row}
        self._file.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _open(self, path: Path) -> TextIO:
        try:
            # Only for the one who imports: what is in it has not been redacted.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise WatchkeeperError(
                f"{path}: rejected rows cannot be written there ({error.strerror}); name another file with --rejects"
            ) from error
        return os.fdopen(handle, "w", encoding="utf-8", errors="replace")

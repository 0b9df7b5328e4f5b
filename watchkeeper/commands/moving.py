"""What `watchkeeper store export` and `import` do: all that a store holds into a folder of Parquet files, and back.

One file for each kind and UTC day, which gets its name when it is whole; `manifest.json` comes last and counts rows.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from collector.errors import WatchkeeperError
from collector.retention import NS_PER_DAY
from collector.store.moving import CHUNK_ROWS, SCHEMAS, Loaded, Movable
from collector.times import utc_day
from watchkeeper.commands.progress import Meter, meter

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK_BYTES = 32 << 20

Counts = dict[str, dict[str, int]]
"""Rows by day (2026-11-21) and kind."""


def export_folder(store: Movable, folder: Path) -> dict[str, int]:
    """Write all of `store` to `folder` and return the rows of each kind. A folder that was begun is gone on with: its
    whole files stay.

    Raises:
        WatchkeeperError: if the folder holds a whole export already, or cannot be written.
    """
    if (folder / MANIFEST).exists():
        raise WatchkeeperError(f"{folder}: holds a whole export; name another folder, or delete it first")
    counts: Counts = {}
    days = store.days()
    n_rows = 0
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # texts of people are in it
        with meter("export", len(days), noun="rows") as gauge:
            for n_done, number in enumerate(days):
                day = f"{utc_day(number * NS_PER_DAY):%Y-%m-%d}"
                (folder / day).mkdir(exist_ok=True)
                counts[day] = {kind: _dumped(store, kind, number, folder / day) for kind in SCHEMAS}
                n_rows += sum(counts[day].values())
                gauge.update(n_rows, n_done + 1)
        part = folder / f"{MANIFEST}.part"
        part.write_text(json.dumps({"format": FORMAT, "rows": counts}, indent=1))
        part.replace(folder / MANIFEST)
    except OSError as error:
        raise WatchkeeperError(f"{folder}: cannot be written ({error.strerror}); run the command again") from error
    return _by_kind(counts)


def _dumped(store: Movable, kind: str, number: int, folder: Path) -> int:
    path = folder / f"{kind}.parquet"
    if path.exists():
        return int(pq.read_metadata(path).num_rows)
    part = path.with_suffix(".part")
    n_rows = 0
    with pq.ParquetWriter(part, SCHEMAS[kind], compression="zstd") as writer:
        for rows in store.dump(kind, number):
            writer.write_table(rows)
            n_rows += rows.num_rows
    part.replace(path)
    return n_rows


def import_folder(store: Movable, folder: Path) -> dict[str, Loaded]:
    """Put all of `folder` into `store`; what is there already stays as it is, so that it may be done again at any time.

    Raises:
        WatchkeeperError: if the folder holds no whole export, or not as many rows as were written.
    """
    counts = _manifest(folder)
    done = dict.fromkeys(SCHEMAS, Loaded())
    with meter("import", sum(_by_kind(counts).values()), noun="rows") as gauge:
        for day, kinds in sorted(counts.items()):
            for kind, n_rows in kinds.items():
                loaded = _loaded(store, kind, folder / day / f"{kind}.parquet", gauge)
                if loaded.n_new + loaded.n_known != n_rows:
                    raise WatchkeeperError(
                        f"{folder / day}: {n_rows} {kind} were exported, and {loaded.n_new} new and {loaded.n_known}"
                        " known ones were found; export again into another folder"
                    )
                done[kind] += loaded
    return done


def _loaded(store: Movable, kind: str, path: Path, gauge: Meter) -> Loaded:
    loaded = Loaded()
    for rows in _chunks(path, kind):
        loaded += store.load(kind, rows)
        n_rows = gauge.n_rows + rows.num_rows
        gauge.update(n_rows, n_rows)
    return loaded


def _chunks(path: Path, kind: str) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=CHUNK_ROWS):
                yield from _bounded(pa.Table.from_batches([batch]).cast(SCHEMAS[kind]))
    except (OSError, pa.ArrowException) as error:
        raise WatchkeeperError(f"{path}: cannot be read ({error}); export again into another folder") from error


def _bounded(rows: pa.Table) -> Iterator[pa.Table]:
    """`rows` in pieces that a store takes at once: one of long texts is halved."""
    if rows.nbytes <= CHUNK_BYTES or rows.num_rows < 2:
        yield rows
        return
    middle = rows.num_rows // 2
    yield from _bounded(rows.slice(0, middle))
    yield from _bounded(rows.slice(middle))


def _manifest(folder: Path) -> Counts:
    try:
        found = json.loads((folder / MANIFEST).read_text())
    except FileNotFoundError as error:
        raise WatchkeeperError(
            f"{folder}: holds no whole export; run `watchkeeper store export {folder}` to its end first"
        ) from error
    except (OSError, ValueError) as error:
        raise WatchkeeperError(f"{folder / MANIFEST}: cannot be read ({error}); export again") from error
    if found.get("format") != FORMAT:
        raise WatchkeeperError(f"{folder}: has format {found.get('format')}, this Watchkeeper reads {FORMAT}")
    counts: Counts = found["rows"]
    return counts


def _by_kind(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {kind: sum(day[kind] for day in counts.values()) for kind in SCHEMAS}

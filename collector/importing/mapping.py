"""Which of their columns holds which of our fields."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from collector.call import Call
from collector.errors import WatchkeeperError
from collector.importing.values import structure
from collector.validation import near_match

DERIVED = ("end_time", "latency_ms", "first_token_time", "ttft_ms")
"""Fields that a file may have instead of latency_s and ttft_s."""
TARGETS = (*(f.name for f in fields(Call) if f.name not in ("start_ns", "seq")), "start_time", *DERIVED)
OPEN_TARGETS = ("parameters", "metadata")
"""Objects whose keys can be targets too, such as metadata.team."""
LEAVE_OUT = "-"


class BadMapping(WatchkeeperError):
    """A mapping that names what is not there; the text says which and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """`sources`: of each of our fields the paths where it may stand, best first. `left_out`: columns to forget.
    `defaults`: what a field is where a row does not say."""

    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.sources or self.left_out)

    def fields_in(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Our fields as `row` holds them, those of parameters and metadata as `metadata.team`."""
        found: dict[str, Any] = {}
        for target, paths in self.sources.items():
            value = next((v for path in paths if (v := look_up(row, path)) not in (None, "")), None)
            if value is not None:
                found[target] = value
        return found

    def columns(self) -> frozenset[str]:
        """The columns that the mapping speaks of."""
        paths = [path for paths in self.sources.values() for path in paths]
        return self.left_out | {part for path in paths for part in (path, path.partition(".")[0])}


def look_up(row: Any, path: str) -> Any:
    """The value at a dotted path, None where there is none. A column of just this name goes first; a part may be the
    number of a list's item, and a text on the way that is JSON is read."""
    if isinstance(row, Mapping) and path in row:
        return row[path]
    name, _, rest = path.partition(".")
    found = structure(row)
    match found:
        case Mapping():
            value = found.get(name)
        case list() if name.removeprefix("-").isdecimal() and -len(found) <= int(name) < len(found):
            value = found[int(name)]
        case _:
            return None
    return look_up(value, rest) if rest and value is not None else value


def mapping_of(pairs: Sequence[str], file: Path | None = None) -> FieldMap:
    """What `--map THEIRS=OURS` and a mapping file say together; an option goes before the file.

    Raises:
        BadMapping: for a field that does not exist, or a file that is no mapping.
    """
    in_file = _read(file) if file else FieldMap()
    sources: dict[str, list[str]] = {}
    left_out = set(in_file.left_out)
    for pair in pairs:
        theirs, equals, ours = pair.rpartition("=")
        if not equals or not theirs or not ours:
            raise BadMapping(f"--map {pair}: write THEIR_COLUMN=OUR_FIELD, or THEIR_COLUMN=- to leave it out")
        if ours == LEAVE_OUT:
            left_out.add(theirs)
            continue
        _check_target(ours, f"--map {pair}")
        sources.setdefault(ours, []).append(theirs)
    for ours, paths in in_file.sources.items():
        sources.setdefault(ours, []).extend(paths)
    return FieldMap(sources=sources, left_out=frozenset(left_out), defaults=in_file.defaults)


def _read(path: Path) -> FieldMap:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadMapping(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise BadMapping(f"{path}: not TOML: {error}") from error
    known = ("fields", "defaults", "leave_out")
    for name in document:
        if name not in known:
            raise BadMapping(f"{path}: {name}: unknown, {near_match(name, known)}")
    table, defaults, left_out = (
        document.get(name, kind()) for name, kind in zip(known, (dict, dict, list), strict=True)
    )
    if not isinstance(table, dict) or not isinstance(defaults, dict) or not _are_texts(left_out):
        raise BadMapping(f"{path}: fields and defaults are tables, leave_out is a list of column names")
    sources: dict[str, Sequence[str]] = {}
    for ours, theirs in table.items():
        _check_target(ours, f"{path}: fields.{ours}")
        paths = [theirs] if isinstance(theirs, str) else theirs
        if not paths or not _are_texts(paths):
            raise BadMapping(f"{path}: fields.{ours}: must be the name of a column, or a list of names, best first")
        sources[ours] = paths
    for ours in defaults:
        _check_target(ours, f"{path}: defaults.{ours}")
    return FieldMap(sources=sources, left_out=frozenset(left_out), defaults=defaults)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _check_target(ours: str, where: str) -> None:
    name, dot, rest = ours.partition(".")
    if ours in TARGETS or (name in OPEN_TARGETS and dot and rest):
        return
    hint = "only parameters and metadata have parts" if name in TARGETS else near_match(ours, TARGETS)
    raise BadMapping(f"{where}: {ours!r} is no field of a call, {hint}")

"""What one drift monitor remembers: a pure state that is saved after every batch and exact after a restart."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, NamedTuple

from collector.call import Call
from collector.store.decode import verdict_of
from collector.verdict import Verdict
from evaluators.drift.monitors.release import Release, release_key, release_of
from evaluators.drift.monitors.segment import digest
from evaluators.drift.monitors.state import Evidence
from evaluators.drift.monitors.unit import Unit
from evaluators.judge.sample import draw

N_WINDOWS = 200
N_EVIDENCE = 500
N_RELEASES = 500
N_RECENT_UNITS = 1_000


class Window(NamedTuple):
    """A tested window: its verdict and the place of its last call."""

    verdict_id: str
    last_seq: int


class Alarm(NamedTuple):
    """A change that nobody has answered."""

    verdict_id: str
    """The newest window that shows it."""
    onset_ns: int
    is_told: bool = False
    told_with: str = ""
    """Why nobody is told of it by itself: what it was told of with."""


Cause = Literal["first", "accepted", "released", "lost"]
"""Why a reference is gathered from the calls as they come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The part of a record that changes with its windows, not with every call. Never changed in place."""

    reference: tuple[Unit, ...] = ()
    cause: Cause = "first"
    is_rolling: bool = False
    """The reference is that of the last days; otherwise it was gathered, or pinned."""
    since_ns: int = 0
    """What came before is no reference for what comes now."""
    frozen_ns: int = 0
    """Since when this reference is in use."""
    checked_day: int = 0
    """The day on which it was last asked whether the reference is to be refreshed."""
    releases: Mapping[str, Release] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    n_windows: int = 0
    n_alarms: int = 0
    """Those that people were told of; `told_ns` says when."""
    told_ns: tuple[int, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    recent: tuple[Unit, ...] = ()
    """The units of the last windows, oldest first: what a stream's alarm is confirmed on."""
    stream: Mapping[str, Any] | None = None
    quality: Mapping[str, Any] | None = None
    alarm: Alarm | None = None

    def to_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in _PLAIN}
        lists = {name: [list(item) for item in getattr(self, name)] for name in _LISTS}
        alarm = None if self.alarm is None else list(self.alarm)
        return (
            plain
            | lists
            | {
                "alarm": alarm,
                "told_ns": list(self.told_ns),
                "releases": {key: dict(made) for key, made in self.releases.items()},
            }
        )

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Memory":
        lists: dict[str, Any] = {name: tuple(make(*item) for item in body[name]) for name, make in _LISTS.items()}
        alarm = None if body["alarm"] is None else Alarm(*body["alarm"])
        plain: dict[str, Any] = {name: body[name] for name in _PLAIN}
        return cls(**plain, **lists, alarm=alarm, told_ns=tuple(body["told_ns"]), releases=body["releases"])


_PLAIN = (
    "cause", "is_rolling", "since_ns", "frozen_ns", "checked_day", "n_windows", "n_alarms", "stream", "quality",
)  # fmt: skip
_LISTS: Mapping[str, Any] = {"reference": Unit, "windows": Window, "evidence": Evidence, "recent": Unit}


@dataclass(slots=True, kw_only=True)
class Record:
    """The state of one monitor.

    Calls are gathered in blocks of equally many sessions, each session once, one random call of each. The first
    blocks are the reference and every later one is a window: what gathering does to a session, such as cutting it
    where the block ends, it does to both sides alike, and so they stay comparable.
    """

    monitor_id: str
    features_version: str
    seq: int = 0
    """The last call that was looked at; an older one that comes again is not counted again."""
    reference_version: int = 0
    window_index: int = 0
    block: dict[str, Unit] = field(default_factory=dict)
    """The open block, by session."""
    recent: dict[str, None] = field(default_factory=dict)
    """Sessions seen lately, oldest first: they have had their turn."""
    undelivered: list[Verdict] = field(default_factory=list)
    """Decided, and not yet known to be in the store. They are written again after a crash, as they were."""
    memory: Memory = field(default_factory=Memory)

    def copy(self) -> "Record":
        return replace(self, block={**self.block}, recent={**self.recent}, undelivered=[*self.undelivered])

    @property
    def block_name(self) -> str:
        """Names the open block for good: seeds its draws and its test, and identifies its verdict."""
        n_reference = len(self.memory.reference)
        return f"{self.monitor_id}/{self.reference_version}/{n_reference}/{self.window_index}"

    def add(self, call: Call, seq: int, *, n_window: int, n_recent: int, part: str = "") -> list[Unit] | None:
        """Count one call that has an answer; gives the block, oldest first, when this call makes it full.

        Args:
            n_window: sessions in a block.
            n_recent: for how many sessions it is remembered that they had their turn.
            part: of the monitor's traffic, to which the call belongs.
        """
        session = call.call_id if call.session_id is None else digest(call.session_id)
        had_its_turn = session in self.recent and session not in self.block
        if call.session_id is not None:
            self.recent.pop(session, None)
            self.recent[session] = None
            while len(self.recent) > n_recent:
                del self.recent[next(iter(self.recent))]
        if had_its_turn:
            return None
        of_call = draw(b"", self.block_name, call.call_id)
        unit = Unit(of_call, call.call_id, seq, call.start_ns, self._released(call), part, bool(call.contexts))
        self.block[session] = min(unit, self.block.get(session, unit))
        if len(self.block) < n_window:
            return None
        units = sorted(self.block.values(), key=lambda unit: unit.seq)
        self.block = {}
        return units

    def gathered(self, units: Sequence[Unit], now_ns: int) -> None:
        """A block that belongs to the reference."""
        reference = (*self.memory.reference, *units)
        self.memory = replace(self.memory, reference=reference, frozen_ns=now_ns)

    def tested(self, verdict: Verdict, units: Sequence[Unit], evidence: Evidence) -> None:
        """Note the verdict on the window that ended with `seq`, in which `units` were compared."""
        memory = self.memory
        self.memory = replace(
            memory,
            windows=(*memory.windows, Window(verdict.verdict_id, self.seq))[-N_WINDOWS:],
            n_windows=memory.n_windows + 1,
            evidence=thinned((*memory.evidence, evidence)),
            recent=(*memory.recent, *units)[-N_RECENT_UNITS:],
        )
        self.window_index += 1
        self.undelivered.append(verdict)

    def restarted(self, *, features_version: str, after_seq: int, cause: Cause, since_ns: int) -> "Record":
        """The same monitor, about to gather a new reference from the calls after `after_seq`."""
        memory = self.memory
        return Record(
            monitor_id=self.monitor_id,
            features_version=features_version,
            seq=after_seq,
            reference_version=self.reference_version + 1,
            undelivered=[*self.undelivered],
            memory=Memory(
                cause=cause,
                since_ns=since_ns,
                windows=memory.windows,
                n_windows=memory.n_windows,
                n_alarms=memory.n_alarms,
                told_ns=memory.told_ns,
                evidence=memory.evidence,
                checked_day=memory.checked_day,
            ),
        )

    def _released(self, call: Call) -> str:
        """The key of what `call` was made with. Past N_RELEASES no more are told apart: they belong to each call."""
        release = release_of(call)
        key = release_key(release)
        if key not in self.memory.releases:
            if len(self.memory.releases) >= N_RELEASES:
                return ""
            self.memory = replace(self.memory, releases={**self.memory.releases, key: release})
        return key

    def to_json(self) -> dict[str, Any]:
        """Everything but the memory, which is saved apart."""
        return {
            "features_version": self.features_version,
            "seq": self.seq,
            "reference_version": self.reference_version,
            "window_index": self.window_index,
            "block": {session: list(unit) for session, unit in self.block.items()},
            "recent": list(self.recent),
            "undelivered": [asdict(verdict) for verdict in self.undelivered],
        }

    @classmethod
    def from_json(cls, monitor_id: str, state: Mapping[str, Any], memory: Mapping[str, Any]) -> "Record":
        return cls(
            monitor_id=monitor_id,
            features_version=state["features_version"],
            seq=state["seq"],
            reference_version=state["reference_version"],
            window_index=state["window_index"],
            block={session: Unit(*unit) for session, unit in state["block"].items()},
            recent=dict.fromkeys(state["recent"]),
            undelivered=[verdict_of(body) for body in state["undelivered"]],
            memory=Memory.from_json(memory),
        )


def thinned(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """At most N_EVIDENCE points: of the older half every second goes, so that the newest are all there."""
    if len(evidence) <= N_EVIDENCE:
        return evidence
    half = len(evidence) // 2
    return (*evidence[:half:2], *evidence[half:])

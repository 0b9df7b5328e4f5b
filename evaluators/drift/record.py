"""What one drift monitor remembers: a pure state that is saved after every batch and exact after a restart."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from collector.call import Call
from collector.verdict import Effect, Pair, Verdict
from evaluators.judge.sample import draw

_WINDOWS_REMEMBERED = 200


@dataclass(frozen=True, slots=True)
class Segment:
    """The calls that one monitor watches."""

    project: str
    service: str | None
    request_model: str | None

    @classmethod
    def of(cls, call: Call) -> "Segment":
        return cls(call.project, call.service, call.request_model)

    @property
    def monitor_id(self) -> str:
        # None and "" are two segments, and no name may run into the next.
        return f"answers:{_digest(repr((self.project, self.service, self.request_model)))}"

    @property
    def title(self) -> str:
        """Whose answers these are, in words."""
        model = self.request_model or "the model"
        return f"{model} in {self.service}" if self.service else model


class Unit(NamedTuple):
    """One call that stands for its session. The lowest draw of a session's calls is a random one of them."""

    draw: float
    call_id: str
    seq: int
    start_ns: int


class Window(NamedTuple):
    """A tested window: its verdict and the place of its last call."""

    verdict_id: str
    last_seq: int


@dataclass(slots=True, kw_only=True)
class Record:
    """The state of one monitor.

    Calls are gathered in blocks of equally many sessions, each session once, one random call of each. The first
    blocks are the reference and every later one is a window: what gathering does to a session, such as cutting it
    where the block ends, it does to both sides alike, and so they stay comparable.
    """

    segment: Segment
    features_version: str
    seq: int = 0
    """The last call that was looked at; an older one that comes again is not counted again."""
    reference_version: int = 0
    reference: list[Unit] = field(default_factory=list)
    window_index: int = 0
    block: dict[str, Unit] = field(default_factory=dict)
    """The open block, by session."""
    recent: dict[str, None] = field(default_factory=dict)
    """Sessions seen lately, oldest first: they have had their turn."""
    windows: list[Window] = field(default_factory=list)
    undelivered: list[Verdict] = field(default_factory=list)
    """Decided, and not yet known to be in the store. They are written again after a crash, as they were."""

    def copy(self) -> "Record":
        return replace(
            self,
            reference=[*self.reference],
            block={**self.block},
            recent={**self.recent},
            windows=[*self.windows],
            undelivered=[*self.undelivered],
        )

    @property
    def block_name(self) -> str:
        """Names the open block for good: seeds its draws and its test, and identifies its verdict."""
        return f"{self.segment.monitor_id}/{self.reference_version}/{len(self.reference)}/{self.window_index}"

    def add(self, call: Call, seq: int, *, n_window: int, n_recent: int) -> list[Unit] | None:
        """Count one call that has an answer; gives the block, oldest first, when this call makes it full.

        Args:
            n_window: sessions in a block.
            n_recent: for how many sessions it is remembered that they had their turn.
        """
        session = call.call_id if call.session_id is None else _digest(call.session_id)
        had_its_turn = session in self.recent and session not in self.block
        if call.session_id is not None:
            self.recent.pop(session, None)
            self.recent[session] = None
            while len(self.recent) > n_recent:
                del self.recent[next(iter(self.recent))]
        if had_its_turn:
            return None
        unit = Unit(draw(b"", self.block_name, call.call_id), call.call_id, seq, call.start_ns)
        self.block[session] = min(unit, self.block.get(session, unit))
        if len(self.block) < n_window:
            return None
        units = sorted(self.block.values(), key=lambda unit: unit.seq)
        self.block = {}
        return units

    def tested(self, verdict: Verdict, last_seq: int) -> None:
        """Note the verdict on the window that ended with `last_seq`."""
        self.windows = [*self.windows, Window(verdict.verdict_id, last_seq)][-_WINDOWS_REMEMBERED:]
        self.window_index += 1
        self.undelivered.append(verdict)

    def restarted(self, *, features_version: str, after_seq: int) -> "Record":
        """The same monitor, about to gather a new reference from the calls after `after_seq`."""
        return Record(
            segment=self.segment,
            features_version=features_version,
            seq=after_seq,
            reference_version=self.reference_version + 1,
            windows=[*self.windows],
            undelivered=[*self.undelivered],
        )

    def to_json(self) -> dict[str, Any]:
        """Everything but the segment, which has columns of its own."""
        return {
            "features_version": self.features_version,
            "seq": self.seq,
            "reference_version": self.reference_version,
            "reference": [list(unit) for unit in self.reference],
            "window_index": self.window_index,
            "block": {session: list(unit) for session, unit in self.block.items()},
            "recent": list(self.recent),
            "windows": [list(window) for window in self.windows],
            "undelivered": [asdict(verdict) for verdict in self.undelivered],
        }

    @classmethod
    def from_json(cls, segment: Segment, state: Mapping[str, Any]) -> "Record":
        return cls(
            segment=segment,
            features_version=state["features_version"],
            seq=state["seq"],
            reference_version=state["reference_version"],
            reference=[Unit(*unit) for unit in state["reference"]],
            window_index=state["window_index"],
            block={session: Unit(*unit) for session, unit in state["block"].items()},
            recent=dict.fromkeys(state["recent"]),
            windows=[Window(*window) for window in state["windows"]],
            undelivered=[_verdict(body) for body in state["undelivered"]],
        )


def _verdict(body: Mapping[str, Any]) -> Verdict:
    effects = tuple(Effect(**effect) for effect in body["effects"])
    pairs = tuple(Pair(**pair) for pair in body["pairs"])
    return Verdict(**{**body, "effects": effects, "pairs": pairs})


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()

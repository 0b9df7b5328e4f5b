"""When which question is asked: sessions of a few turns, some minutes of them in the past and then live. Pure."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from watchkeeper.demo.answers import Exchange

HISTORY_S = 300.0
N_HISTORY_SESSIONS = 320  # a service: the reference of 200 and two windows in which nothing changed
LIVE_SESSIONS_PER_S = 1.1  # a service: about the rate of the history
_CHARACTERS_PER_TOKEN = 4.0  # the recordings hold no token counts; this is the usual estimate for English


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One call to be replayed. `at_s` counts from the start of the live part; history lies below 0."""

    at_s: float
    service: str
    session_id: str
    user_id: str
    exchange: Exchange
    changed: bool
    retrieval_s: float
    ttft_s: float
    latency_s: float

    @property
    def answer(self) -> str:
        return self.exchange.after if self.changed else self.exchange.before

    @property
    def input_tokens(self) -> int:
        return _tokens(self.exchange.prompt)

    @property
    def output_tokens(self) -> int:
        return _tokens(self.answer)


def history(exchanges: Mapping[str, Sequence[Exchange]], rng: random.Random) -> list[Turn]:
    """Turns of both services over the minutes before the start, oldest first."""
    starts = [
        (service, -rng.uniform(0.0, HISTORY_S), f"past-{number}")
        for service in exchanges
        for number in range(N_HISTORY_SESSIONS)
    ]
    turns = [turn for start in starts for turn in _session(*start, exchanges, changed=False, rng=rng)]
    return sorted((turn for turn in turns if turn.at_s < 0.0), key=lambda turn: turn.at_s)


def live(
    exchanges: Mapping[str, Sequence[Exchange]], *, from_s: float, until_s: float, changed: bool, rng: random.Random
) -> Iterator[Turn]:
    """Turns from `from_s` on, in order; the model is the changed one throughout or not at all."""
    turns = []
    for service in exchanges:
        start_s = from_s
        while (start_s := start_s + rng.expovariate(LIVE_SESSIONS_PER_S)) < until_s:
            turns += _session(service, start_s, f"live-{start_s:.3f}", exchanges, changed=changed, rng=rng)
    yield from sorted((turn for turn in turns if turn.at_s < until_s), key=lambda turn: turn.at_s)


def _session(
    service: str,
    start_s: float,
    name: str,
    exchanges: Mapping[str, Sequence[Exchange]],
    *,
    changed: bool,
    rng: random.Random,
) -> list[Turn]:
    """One to three turns of one person, a few seconds apart."""
    user_id, at_s, turns = f"user-{rng.randrange(400)}", start_s, []
    for _ in range(rng.choice((1, 2, 2, 3))):
        exchange = rng.choice(exchanges[service])
        ttft_s = rng.lognormvariate(-1.1, 0.35)
        written_s = _tokens(exchange.after if changed else exchange.before) / rng.uniform(55.0, 75.0)
        turns.append(
            Turn(
                at_s=at_s,
                service=service,
                session_id=f"{service}-{name}",
                user_id=user_id,
                exchange=exchange,
                changed=changed,
                retrieval_s=rng.uniform(0.02, 0.06),
                ttft_s=ttft_s,
                latency_s=ttft_s + written_s,
            )
        )
        at_s += rng.uniform(1.0, 4.0)
    return turns


def _tokens(text: str) -> int:
    return max(1, round(len(text) / _CHARACTERS_PER_TOKEN))

"""Which calls are looked at closer: a share with known probability, the same on every retry and in every process."""

import hashlib

from sqlalchemy import Engine

from collector.state.secrets import kept_secret


def draw(key: bytes, purpose: str, target_id: str) -> float:
    """A number in [0, 1), uniform over targets and fixed for this one. `draw(...) < share` takes `share` of them.

    Keyed, because senders choose their ids and must not choose what is looked at. Judge and review draw for the same
    purpose, so that the smaller share lies inside the larger: what people label, the judge has judged too.
    Source: permanent random numbers, Ohlsson (1995), "Coordination of samples using permanent random numbers".
    """
    digest = hashlib.blake2b(f"{purpose}\x1f{target_id}".encode(), key=key, digest_size=8).digest()
    # 53 bits are what a float holds exactly; more would round up to 1.
    return (int.from_bytes(digest) >> 11) / (1 << 53)


def sampled(key: bytes, call_id: str, share: float) -> bool:
    """Whether the call is in the random sample of this share."""
    return draw(key, "sample", call_id) < share


def sampling_key(engine: Engine) -> bytes:
    """The secret of this installation's draws, made on first use."""
    return kept_secret(engine, "sampling_key")

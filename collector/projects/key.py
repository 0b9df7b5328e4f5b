"""An API key: what it opens, and the only place that knows how its secret looks."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

from collector.errors import BadRequest

Scope = Literal["ingest", "read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

PREFIX = "wk_"
_SHAPE = re.compile(rf"{PREFIX}[\w-]{{32,128}}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key as it is kept: its secret is not. `project` None: all projects, which only `admin` may open.

    `rate_limit_spans_per_s` with `burst_spans`, and `sample_rate` (the share of traces that is stored): None is no
    limit, and all of them.
    """

    key_id: str
    sha256: str
    name: str
    scopes: frozenset[Scope]
    project: str | None
    rate_limit_spans_per_s: float | None = None
    burst_spans: int | None = None
    sample_rate: float | None = None
    created_ns: int
    expires_ns: int | None = None
    revoked_ns: int | None = None
    last_used_ns: int | None = None

    def is_valid(self, now_ns: int) -> bool:
        return self.revoked_ns is None and (self.expires_ns is None or now_ns < self.expires_ns)

    def state(self, now_ns: int) -> str:
        if self.revoked_ns is not None:
            return "revoked"
        return "valid" if self.is_valid(now_ns) else "expired"


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def has_shape(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None


def hash_of(secret: str) -> str:
    # The secret is 256 random bits, so there is nothing to guess, and one SHA-256 hides it for good. A slow hash, such
    # as argon2, protects what people make up; here it would cost 50 ms of every request and protect nothing more.
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def check_key(key: ApiKey) -> None:
    """
    Raises:
        BadRequest: if such a key makes no sense; the text says which part.
    """
    if not key.scopes or not key.scopes <= set(SCOPES):
        raise BadRequest(f"scope: must be one or more of {', '.join(SCOPES)}, got {', '.join(sorted(key.scopes)) or 0}")
    if key.project is None and "admin" not in key.scopes:
        raise BadRequest("project: only a key with scope admin may open all projects; name one project")
    rate, burst, share = key.rate_limit_spans_per_s, key.burst_spans, key.sample_rate
    if rate is not None and not 0 < rate <= 1e9:
        raise BadRequest(f"rate limit: must be above 0 spans a second, got {rate:g}; leave it out for no limit")
    if burst is not None and (rate is None or burst < 1):
        raise BadRequest("burst: is a number of spans above 0 that goes with a rate limit")
    if share is not None and not 0 < share <= 1:
        raise BadRequest(f"sample rate: must be above 0 and at most 1, got {share:g}; revoke the key to keep nothing")
    if key.expires_ns is not None and key.expires_ns <= key.created_ns:
        raise BadRequest("expires: lies in the past")

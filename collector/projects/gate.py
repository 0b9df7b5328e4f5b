"""Who is let in: the keys of the state database against what a request shows."""

import hmac
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine, update
from sqlalchemy.exc import SQLAlchemyError

from collector.errors import StoreUnavailable, Unauthenticated
from collector.projects.access import OPEN, Access, too_fast
from collector.projects.book import read_keys
from collector.projects.credentials import shown_key
from collector.projects.key import ApiKey, Scope, has_shape, hash_of
from collector.projects.mode import AuthMode
from collector.projects.rate import RateLimiter
from collector.projects.sessions import SESSION_S, seal, session_of, unseal
from collector.state.secrets import kept_secret
from collector.state.tables import api_keys

REFRESH_S = 1.0
USED_EVERY_NS = 60 * 10**9
"""How exact `last_used_ns` is; writing it with each request would cost a commit each."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Keys:
    """What was in the database at the last look. Replaced, never changed, so that readers need no lock."""

    by_hash: Mapping[str, tuple[ApiKey, Access]] = field(default_factory=dict)
    by_id: Mapping[str, tuple[ApiKey, Access]] = field(default_factory=dict)


class Gate:
    """Answers without asking the database: a thread looks every `REFRESH_S` seconds for keys that are new or revoked.

    When the database does not answer, the keys known last stay good, so that telemetry is still taken. For any thread.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        auth: AuthMode = "auto",
        beyond_loopback: bool = False,
        clock: Callable[[], int] = time.time_ns,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._auth = auth
        self._beyond_loopback = beyond_loopback
        self._clock = clock
        self._clock_s = clock_s
        self._session_secret = kept_secret(engine, "session_secret")
        self._keys = _Keys()
        self._used_ns: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.refresh()

    @property
    def is_required(self) -> bool:
        """Whether a key is needed. One that was revoked or has expired counts: its end must not open the doors."""
        if self._auth == "auto":
            return self._beyond_loopback or bool(self._keys.by_id)
        return self._auth == "required"

    @property
    def lets_nobody_in(self) -> bool:
        now_ns = self._clock()
        return self.is_required and not any(key.is_valid(now_ns) for key, _ in self._keys.by_id.values())

    def ingest_access(self, headers: Mapping[str, str]) -> Access:
        """For telemetry, before its body is read. Afterwards call `admit` with the number of spans.

        Args:
            headers: by lower-case name (gRPC metadata), or by any where the mapping does not mind (Starlette's).
        Raises:
            Unauthenticated, Forbidden
            TooManyRequests: the key has used up its rate already.
        """
        access = self._access(headers, "ingest")
        if access.limiter is not None and (wait_s := access.limiter.wait_s()) > 0:
            raise too_fast(access.limiter, wait_s)
        return access

    def read_access(self, headers: Mapping[str, str], *, scope: Scope = "read", session: bool = True) -> Access:
        """For questions. `session`: a signed-in browser will do; not for changes, which another site could ask for.

        Raises:
            Unauthenticated, Forbidden
        """
        if self.is_required and session and shown_key(headers) is None:
            access = self._session_access(headers.get("cookie") or "")
            if access is not None:
                access.require(scope)
                return access
        return self._access(headers, scope)

    def sign_in(self, secret: str) -> str:
        """The session cookie for a browser whose visitor has typed a key with scope read.

        Raises:
            Unauthenticated, Forbidden
        """
        key, access = self._known(secret.strip())
        access.require("read")
        return seal(self._session_secret, key.key_id, expires_s=self._clock() // 10**9 + SESSION_S)

    def key_name(self, access: Access) -> str:
        """How people call the key behind `access`."""
        found = self._keys.by_id.get(access.key_id or "")
        return "" if found is None else found[0].name or found[0].key_id

    def refresh(self) -> None:
        """Look at the database now."""
        with self._engine.connect() as connection:
            keys = read_keys(connection)
        old = self._keys.by_id
        entries = [(key, self._access_of(key, old.get(key.key_id))) for key in keys]
        self._keys = _Keys(
            {key.sha256: (key, access) for key, access in entries},
            {key.key_id: (key, access) for key, access in entries},
        )

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking, and write down when each key was used last."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._look(self._write_used)

    def _run(self) -> None:
        n_looks = 0
        while not self._stop.wait(REFRESH_S):
            self._look(self.refresh)
            n_looks += 1
            if n_looks % 10 == 0:
                self._look(self._write_used)

    def _look(self, do: Callable[[], None]) -> None:
        try:
            do()
        except (StoreUnavailable, SQLAlchemyError) as error:
            log.warning("the state database does not answer; the keys known last stay good: %s", error)

    def _access(self, headers: Mapping[str, str], scope: Scope) -> Access:
        if not self.is_required:
            return OPEN
        shown = shown_key(headers)
        if shown is None:
            hint = "; make one with `watchkeeper key create`" if not self._keys.by_id else ""
            raise Unauthenticated(f"an API key is needed: send it as Authorization: Bearer wk_...{hint}")
        _, access = self._known(shown)
        access.require(scope)
        return access

    def _known(self, secret: str) -> tuple[ApiKey, Access]:
        digest = hash_of(secret)
        # What a lookup gives away by its time is something of a hash, from which no secret follows.
        found = self._keys.by_hash.get(digest) if has_shape(secret) else None
        now_ns = self._clock()
        if found is None or not hmac.compare_digest(found[0].sha256, digest):
            raise Unauthenticated("this API key is not known here; ask who runs this Watchkeeper for one")
        key = found[0]
        if not key.is_valid(now_ns):
            raise Unauthenticated(f"this API key is {key.state(now_ns)}; ask who runs this Watchkeeper for a new one")
        self._used_ns[key.key_id] = now_ns
        return found

    def _session_access(self, cookies: str) -> Access | None:
        cookie = session_of(cookies) if cookies else None
        now_ns = self._clock()
        key_id = unseal(self._session_secret, cookie, now_s=now_ns / 1e9) if cookie else None
        found = self._keys.by_id.get(key_id) if key_id else None
        if found is None or not found[0].is_valid(now_ns):
            return None
        self._used_ns[found[0].key_id] = now_ns
        return found[1]

    def _access_of(self, key: ApiKey, old: tuple[ApiKey, Access] | None) -> Access:
        if old is not None and _limits(old[0]) == _limits(key):
            return old[1]  # with the limiter, which knows what was sent
        rate = key.rate_limit_spans_per_s
        return Access(
            project=key.project,
            scopes=key.scopes,
            key_id=key.key_id,
            limiter=None if rate is None else RateLimiter(rate, key.burst_spans, clock_s=self._clock_s),
            sample_rate=key.sample_rate,
        )

    def _write_used(self) -> None:
        known = self._keys.by_id
        due = {
            key_id: used_ns
            for key_id, used_ns in self._used_ns.copy().items()
            if key_id in known and used_ns - (known[key_id][0].last_used_ns or 0) >= USED_EVERY_NS
        }
        if not due:
            return
        with self._engine.begin() as connection:
            for key_id, used_ns in due.items():
                connection.execute(update(api_keys).where(api_keys.c.key_id == key_id).values(last_used_ns=used_ns))


def _limits(key: ApiKey) -> tuple[object, ...]:
    return key.project, key.scopes, key.rate_limit_spans_per_s, key.burst_spans, key.sample_rate

"""What one request may do."""

from dataclasses import dataclass

from collector.call import DEFAULT_PROJECT
from collector.errors import Forbidden, TooManyRequests
from collector.projects.key import SCOPES, Scope
from collector.projects.rate import RateLimiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`project` None: all of them, and telemetry may name its own. `key_id` None: no key was needed.

    `admin` includes the other scopes. `sample_rate`: the share of traces that is stored, see `sampling.kept_traces`.
    """

    project: str | None
    scopes: frozenset[Scope]
    key_id: str | None = None
    limiter: RateLimiter | None = None
    sample_rate: float | None = None

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes

    def require(self, scope: Scope) -> None:
        """
        Raises:
            Forbidden: if the key lacks `scope`.
        """
        if not self.may(scope):
            raise Forbidden(f"this key has no scope {scope}, only {', '.join(sorted(self.scopes))}; use one that has")

    def admit(self, n_spans: int) -> None:
        """Count `n_spans` against the rate limit, all or none.

        Raises:
            TooManyRequests: with the time after which they would pass.
        """
        if self.limiter is not None and (wait_s := self.limiter.take(n_spans)) > 0:
            raise too_fast(self.limiter, wait_s)

    def project_of(self, named: str | None) -> str:
        """Where something belongs whose body names `named`, or no project.

        Raises:
            Forbidden: if it names another than the key's.
        """
        if self.project is None:
            return named or DEFAULT_PROJECT
        if named is not None and named != self.project:
            raise Forbidden(f"project: this key is for {self.project!r}, the body says {named!r}; leave it out")
        return self.project


def too_fast(limiter: RateLimiter, wait_s: float) -> TooManyRequests:
    return TooManyRequests(
        f"faster than the {limiter.rate_per_s:g} spans a second of this key; send again in {wait_s:.1f} s",
        retry_after_s=wait_s,
    )


OPEN = Access(project=None, scopes=frozenset(SCOPES))
"""Where no key is asked for, everybody may do everything."""

"""Projects and keys in the state database. Every change is one transaction with its entry in the audit log."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from collector.errors import BadRequest
from collector.projects.audit import write_entry
from collector.projects.key import ApiKey, Scope, check_key, hash_of, new_secret
from collector.projects.project import Project, checked_name, checked_retention
from collector.state.tables import api_keys, projects
from collector.times import format_rfc3339
from collector.validation import near_match

_UNCHANGED: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """The secret of a key can be seen here and never again."""

    key: ApiKey
    secret: str


class ProjectBook:
    """`actor` is who makes the changes, for the audit log; `clock` gives Unix nanoseconds.

    Raises (all methods):
        StoreUnavailable: the database does not answer now.
    """

    def __init__(self, engine: Engine, clock: Callable[[], int], *, actor: str) -> None:
        self._engine = engine
        self._clock = clock
        self._actor = actor

    def projects(self) -> Sequence[Project]:
        """All, the oldest first."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(projects).order_by(projects.c.created_ns, projects.c.name))
            return [Project(**row._mapping) for row in rows]

    def project(self, name: str) -> Project:
        """
        Raises:
            BadRequest: if there is none of this name.
        """
        with self._engine.begin() as connection:
            return _found(connection, name)

    def create_project(
        self, name: str, *, content_days: int | None = None, telemetry_days: int | None = None
    ) -> Project:
        """
        Raises:
            BadRequest: if there is one already, or the name or the days cannot be.
        """
        checked_retention(content_days, telemetry_days)
        project = Project(
            name=checked_name(name),
            created_ns=self._clock(),
            content_days=content_days,
            telemetry_days=telemetry_days,
        )
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(projects).values(asdict(project)))
                details = {"content_days": content_days, "telemetry_days": telemetry_days}
                self._note(connection, "project.create", f"project:{name}", details)
        except IntegrityError as error:
            raise BadRequest(f"project: there is a {name!r} already") from error
        return project

    def change_project(
        self,
        name: str,
        *,
        content_days: int | None = _UNCHANGED,
        telemetry_days: int | None = _UNCHANGED,
        redaction: Mapping[str, Any] | None = _UNCHANGED,
    ) -> Project:
        """Change what is given; None is a value: as the installation does it.

        Raises:
            BadRequest: if there is no such project, or the days cannot be.
        """
        given = {"content_days": content_days, "telemetry_days": telemetry_days, "redaction": redaction}
        changes = {key: value for key, value in given.items() if value is not _UNCHANGED}
        with self._engine.begin() as connection:
            before = _found(connection, name)
            after = Project(**asdict(before) | changes)
            checked_retention(after.content_days, after.telemetry_days)
            if changes:
                connection.execute(update(projects).where(projects.c.name == name).values(changes))
                was = {key: getattr(before, key) for key in changes}
                self._note(connection, "project.change", f"project:{name}", {"from": was, "to": changes})
        return after

    def all_keys(self) -> Sequence[ApiKey]:
        """All, also those that open nothing any more, the oldest first."""
        with self._engine.begin() as connection:
            return read_keys(connection)

    def create_key(
        self,
        *,
        project: str | None,
        scopes: Collection[Scope],
        name: str = "",
        rate_limit_spans_per_s: float | None = None,
        burst_spans: int | None = None,
        sample_rate: float | None = None,
        expires_ns: int | None = None,
    ) -> NewKey:
        """
        Raises:
            BadRequest: if there is no such project, or such a key makes no sense.
        """
        secret = new_secret()
        key = ApiKey(
            key_id=f"key_{secrets.token_hex(6)}",
            sha256=hash_of(secret),
            name=name,
            scopes=frozenset(scopes),
            project=project,
            rate_limit_spans_per_s=rate_limit_spans_per_s,
            burst_spans=burst_spans,
            sample_rate=sample_rate,
            created_ns=self._clock(),
            expires_ns=expires_ns,
        )
        check_key(key)
        with self._engine.begin() as connection:
            if project is not None:
                _found(connection, project)
            connection.execute(insert(api_keys).values(asdict(key) | {"scopes": sorted(key.scopes)}))
            self._note(connection, "key.create", f"key:{key.key_id}", _told(key))
        return NewKey(key=key, secret=secret)

    def revoke_key(self, key_id: str) -> ApiKey:
        """Its holder is refused within a second or two; doing it twice changes nothing.

        Raises:
            BadRequest: if there is no such key.
        """
        now_ns = self._clock()
        with self._engine.begin() as connection:
            is_open = (api_keys.c.key_id == key_id) & api_keys.c.revoked_ns.is_(None)
            if connection.execute(update(api_keys).where(is_open).values(revoked_ns=now_ns)).rowcount:
                self._note(connection, "key.revoke", f"key:{key_id}", {})
            row = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).first()
        if row is None:
            raise BadRequest(f"there is no key {key_id[:40]!r}; `watchkeeper key list` shows all")
        return _key_of(row)

    def _note(self, connection: Connection, action: str, target: str, details: Mapping[str, Any]) -> None:
        write_entry(connection, time_ns=self._clock(), actor=self._actor, action=action, target=target, details=details)


def read_keys(connection: Connection) -> list[ApiKey]:
    """All keys, the oldest first."""
    return [_key_of(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.created_ns))]


def _key_of(row: Row[Any]) -> ApiKey:
    values = {f.name: getattr(row, f.name) for f in fields(ApiKey)}
    return ApiKey(**values | {"scopes": frozenset(row.scopes)})


def _found(connection: Connection, name: str) -> Project:
    row = connection.execute(select(projects).where(projects.c.name == name)).first()
    if row is None:
        known = connection.scalars(select(projects.c.name)).all()
        raise BadRequest(f"project: there is no {name[:80]!r}, {near_match(name, known)}")
    return Project(**row._mapping)


def _told(key: ApiKey) -> dict[str, Any]:
    """What the audit log says of a new key: neither its secret nor the hash of it."""
    told = {
        "name": key.name,
        "project": key.project,
        "scopes": sorted(key.scopes),
        "rate_limit_spans_per_s": key.rate_limit_spans_per_s,
        "burst_spans": key.burst_spans,
        "sample_rate": key.sample_rate,
        "expires": None if key.expires_ns is None else format_rfc3339(key.expires_ns),
    }
    return {name: value for name, value in told.items() if value not in (None, "")}

"""What a process can be: all of the platform, or one part of it beside others on shared databases."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from collector.errors import WatchkeeperError

if TYPE_CHECKING:
    from watchkeeper.config import Config

Role = Literal["collect", "evaluate", "dashboard"]
ALL: tuple[Role, ...] = ("collect", "evaluate", "dashboard")


def takes_telemetry(roles: Collection[Role]) -> bool:
    """Whether REST or OTLP bring it something to store: people label and comment on the dashboard."""
    return "collect" in roles or "dashboard" in roles


def check_shared(config: Config, roles: Collection[Role]) -> None:
    """
    Raises:
        WatchkeeperError: if these roles alone could not work with the others.
    """
    if set(roles) == set(ALL):
        return
    role = "`watchkeeper " + " ".join(roles) + "`"
    if config.store.kind == "duckdb":
        raise WatchkeeperError(
            f"{role} shares its telemetry with other processes, and DuckDB's files belong to one: set store.kind to "
            "'elasticsearch' and store.elasticsearch.url, or run everything in one process with `watchkeeper up`"
        )
    url = config.server.state_url
    if url is None or url.get_secret_value().startswith("sqlite"):
        raise WatchkeeperError(
            f"{role} shares its state with other processes: set server.state_url to a PostgreSQL database, such as "
            "postgresql://user:password@host:5432/watchkeeper"
        )

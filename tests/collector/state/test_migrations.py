"""A database that an older Watchkeeper wrote is upgraded when it is opened, and nothing in it is lost."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, create_engine, inspect, make_url, select
from sqlalchemy.exc import DBAPIError

from collector.errors import WatchkeeperError
from collector.projects.audit import read_entries, write_entry
from collector.state import open_state
from collector.state.tables import SCHEMA_VERSION, alerts, audit_log, checkpoints, meta, metadata, projects

OLD = Path(__file__).with_name("version_1.sql").read_text()


def bare_engine(url: str) -> Engine:
    driver = "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"
    return create_engine(make_url(url).set(drivername=driver))


def execute(url: str, script: str) -> None:
    """Each statement of `script`, without any code of ours."""
    engine = bare_engine(url)
    with engine.begin() as connection:
        for statement in script.replace("BEGIN TRANSACTION;", "").replace("COMMIT;", "").split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def old(state_database: str) -> str:
    """The URL of a database of schema version 1."""
    execute(state_database, OLD)
    return state_database


def version_in(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return connection.scalar(select(meta.c.value).where(meta.c.key == "schema_version"))


def test_what_was_in_an_old_database_is_still_there(old: str) -> None:
    engine = open_state(old)
    with engine.connect() as connection:
        [alert] = connection.execute(select(alerts)).all()
        seq = connection.scalar(select(checkpoints.c.seq).where(checkpoints.c.consumer == "text"))
    assert (alert.alert_id, alert.labels, alert.value, alert.project) == ("a1", {"service": "shop"}, 0.5, "default")
    assert seq == 41
    assert version_in(engine) == str(SCHEMA_VERSION)


@pytest.fixture
def new(old: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of the same kind."""
    if old.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'new.sqlite'}"
    url: str = request.getfixturevalue("postgresql").new_database()
    return url


def test_an_upgraded_database_has_the_same_tables_as_a_new_one(old: str, new: str) -> None:
    seen = []
    for url in (old, new):
        found, engine = MetaData(), open_state(url)
        found.reflect(engine)
        engine.dispose()
        columns = {t.name: {(c.name, str(c.type), c.nullable) for c in t.columns} for t in found.tables.values()}
        indices = {index.name for t in found.tables.values() for index in t.indexes}
        seen.append((columns, indices))
    assert seen[0] == seen[1]
    assert seen[0][0].keys() == metadata.tables.keys()


def test_opening_twice_upgrades_once(old: str) -> None:
    for _ in range(2):
        engine = open_state(old)
        with engine.connect() as connection:
            assert connection.scalars(select(projects.c.name)).all() == ["default"]


def test_two_processes_that_open_it_at_once_both_get_it(old: str) -> None:
    versions: list[str | None] = []
    threads = [threading.Thread(target=lambda: versions.append(version_in(open_state(old)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions == [str(SCHEMA_VERSION)] * 4


@pytest.mark.parametrize("n", [2, 6])
def test_processes_that_make_it_at_once_all_get_it(state_database: str, n: int) -> None:
    versions: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: versions.append(version_in(open_state(state_database)))) for _ in range(n)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions == [str(SCHEMA_VERSION)] * n


def test_a_database_whose_version_was_never_written_is_upgraded_too(old: str) -> None:
    execute(old, "DELETE FROM meta")
    engine = open_state(old)
    assert "project" in {column["name"] for column in inspect(engine).get_columns("alerts")}
    assert version_in(engine) == str(SCHEMA_VERSION)


def test_a_newer_database_is_refused_and_not_touched(state_database: str) -> None:
    execute(state_database, "CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR);\n")
    execute(state_database, "INSERT INTO meta VALUES ('schema_version', '99')")
    with pytest.raises(WatchkeeperError, match="schema 99, this Watchkeeper knows"):
        open_state(state_database)
    bare = bare_engine(state_database)
    assert inspect(bare).get_table_names() == ["meta"]
    bare.dispose()


@pytest.mark.parametrize("upgraded", [False, True])
@pytest.mark.parametrize("change", [audit_log.update().values(actor="somebody else"), audit_log.delete()])
def test_the_audit_log_can_only_grow(
    change: object, upgraded: bool, state_database: str, reopen_state: Callable[[], Engine]
) -> None:
    if upgraded:
        execute(state_database, OLD)
    engine = reopen_state()
    with engine.begin() as connection:
        receipt = write_entry(connection, time_ns=1, actor="me", action="erase", target="user:1", details={"calls": 3})
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(change)
    [entry] = read_entries(engine)
    assert (entry.entry_id, entry.actor, entry.details) == (receipt, "me", {"calls": 3})

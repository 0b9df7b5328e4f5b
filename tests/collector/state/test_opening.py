"""A state database that cannot be opened: each time a sentence that says what to do, and never the password."""

import socket
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, insert, select

from collector.errors import BadRequest, StoreUnavailable, WatchkeeperError
from collector.state import open_state
from collector.state.statements import take_turns
from collector.state.tables import series_colours
from tests.services.postgresql.server import PASSWORD, PostgreSQL

SECRET = "hidden-words"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def refusal(url: str) -> str:
    with pytest.raises(WatchkeeperError) as refused:
        open_state(url)
    said = str(refused.value)
    assert SECRET not in said
    assert PASSWORD not in said
    assert "\n" not in said
    return said


def test_a_wrong_password(postgresql: PostgreSQL) -> None:
    said = refusal(postgresql.url("postgres", password=SECRET))
    assert "password authentication failed" in said
    assert said.endswith("correct the user and password in server.state_url")


def test_a_missing_database(postgresql: PostgreSQL) -> None:
    assert 'database "nowhere" does not exist; create it' in refusal(postgresql.url("nowhere"))


def test_a_wrong_host() -> None:
    said = refusal(f"postgresql://me:{SECRET}@no-such-host.invalid/state")
    assert said.startswith("postgresql://me:***@no-such-host.invalid/state: the state database cannot be opened")
    assert said.endswith("correct the host in server.state_url")


def test_a_port_on_which_nobody_listens(postgresql: PostgreSQL) -> None:
    said = refusal(postgresql.url("postgres", port=1))
    assert "start PostgreSQL there, or correct host and port" in said


def test_a_host_that_says_nothing(silent_port: int) -> None:
    said = refusal(f"postgresql://me:{SECRET}@127.0.0.1:{silent_port}/state?connect_timeout=2")
    assert "timeout" in said
    assert "correct the host" in said


def test_a_database_of_another_encoding(postgresql: PostgreSQL) -> None:
    postgresql.run("CREATE DATABASE narrow ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    assert "its encoding is LATIN1" in refusal(postgresql.url("narrow"))


def test_a_user_who_may_make_no_tables(postgresql: PostgreSQL, postgresql_url: str) -> None:
    postgresql.run(f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
    url = postgresql.url(postgresql_url.rpartition("/")[2], user="guest", password=SECRET)
    assert "permission denied for schema public; make the user of server.state_url the owner" in refusal(url)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://me:{SECRET}@host/state",
        f"postgresql://me:{SECRET}@host:port/state",
        f"postgresql://me:{SECRET}@host",
        f"{SECRET}",
    ],
)
def test_what_is_no_url_of_a_state_database(url: str) -> None:
    with pytest.raises(BadRequest, match="must be like postgresql://"):
        open_state(url)
    assert SECRET not in refusal(url)


def test_a_database_that_goes_away_is_unavailable_and_comes_back() -> None:
    own = PostgreSQL()
    try:
        own.start()
        engine = open_state(own.new_database())
        own.stop()
        with pytest.raises(StoreUnavailable, match="the state database does not answer"), engine.begin():
            pass
        own.start()
        with engine.connect() as connection:
            assert connection.scalar(select(series_colours.c.name)) is None
        engine.dispose()
    finally:
        own.remove()


def test_a_name_with_a_nul_is_stored(engine: Engine) -> None:
    """Senders choose names; one of them must not fail every write that it is part of."""
    with engine.begin() as connection:
        connection.execute(insert(series_colours).values(dimension="service", name="a\0b", place=1))
        [name] = connection.scalars(select(series_colours.c.name)).all()
    assert name in ("a\0b", "a\ufffdb")


def test_two_threads_that_take_turns_see_what_the_other_left(engine: Engine) -> None:
    def add() -> None:
        for _ in range(20):
            with engine.begin() as connection:
                take_turns(connection, "counting")
                n = len(connection.scalars(select(series_colours.c.name)).all())
                connection.execute(insert(series_colours).values(dimension="n", name=f"{n}", place=n))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert len(connection.scalars(select(series_colours.c.name)).all()) == 80

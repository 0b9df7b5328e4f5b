"""Who is let in."""

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.datastructures import Headers

from collector.errors import Forbidden, TooManyRequests, Unauthenticated
from collector.projects.access import OPEN
from collector.projects.book import ProjectBook
from collector.projects.gate import REFRESH_S, Gate
from collector.projects.sessions import SESSION_COOKIE, SESSION_S

OpenGate = Callable[..., Gate]


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_without_any_key_everybody_may_do_everything(open_gate: OpenGate) -> None:
    gate = open_gate()
    for headers in ({}, bearer("somebody else's"), {"authorization": basic("pk-lf-1", "sk-lf-2")}):
        assert gate.ingest_access(headers) is OPEN
        assert gate.read_access(headers, scope="admin") is OPEN
    assert not gate.lets_nobody_in


@pytest.mark.parametrize("options", [{"auth": "required"}, {"beyond_loopback": True}])
def test_where_a_key_is_needed_and_there_is_none_nobody_is_let_in(open_gate: OpenGate, options: dict[str, Any]) -> None:
    gate = open_gate(**options)
    assert gate.lets_nobody_in
    with pytest.raises(Unauthenticated, match="watchkeeper key create"):
        gate.ingest_access({})


def test_the_first_key_closes_the_doors(open_gate: OpenGate, book: ProjectBook) -> None:
    gate = open_gate()
    new = book.create_key(project="default", scopes=["ingest"])
    gate.refresh()
    with pytest.raises(Unauthenticated, match="an API key is needed"):
        gate.ingest_access({})
    with pytest.raises(Unauthenticated, match="an API key is needed"):
        gate.read_access({})
    access = gate.ingest_access(bearer(new.secret))
    assert (access.project, access.scopes, access.key_id) == ("default", {"ingest"}, new.key.key_id)


def test_the_end_of_the_last_key_does_not_open_them(open_gate: OpenGate, book: ProjectBook, clock: Any) -> None:
    new = book.create_key(project="default", scopes=["ingest"])
    gate = open_gate()
    book.revoke_key(new.key.key_id)
    gate.refresh()
    with pytest.raises(Unauthenticated, match="is revoked"):
        gate.ingest_access(bearer(new.secret))
    with pytest.raises(Unauthenticated):
        gate.ingest_access({})


def test_switched_off_it_asks_nobody(open_gate: OpenGate, book: ProjectBook) -> None:
    book.create_key(project="default", scopes=["ingest"])
    assert open_gate(auth="off").ingest_access(bearer("anything")) is OPEN


def test_an_expired_key_is_refused_from_the_moment_on(open_gate: OpenGate, book: ProjectBook, clock: Any) -> None:
    new = book.create_key(project="default", scopes=["ingest"], expires_ns=clock() + 10**9)
    gate = open_gate()
    assert gate.ingest_access(bearer(new.secret)).project == "default"
    clock.move(1)
    with pytest.raises(Unauthenticated, match="is expired"):
        gate.ingest_access(bearer(new.secret))


@pytest.mark.parametrize(
    "place",
    [
        lambda s: {"authorization": f"Bearer {s}"},
        lambda s: {"authorization": f"bearer  {s} "},
        lambda s: {"authorization": s},
        lambda s: {"authorization": basic("pk-lf-public", s)},
        lambda s: {"authorization": basic(s, "")},
        lambda s: {"x-api-key": s},
        lambda s: {"api_key": s},
        lambda s: {"api-key": s},
        lambda s: {"authorization": "Bearer of-a-proxy", "x-api-key": s},
        lambda s: Headers({"X-API-Key": s}),
        lambda s: Headers({"Authorization": f"Bearer {s}"}),
    ],
)
def test_a_key_is_found_wherever_clients_put_it(
    open_gate: OpenGate, book: ProjectBook, place: Callable[[str], Any]
) -> None:
    new = book.create_key(project="default", scopes=["ingest"])
    assert open_gate().ingest_access(place(new.secret)).key_id == new.key.key_id


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Basic !!!"},
        {"authorization": "Basic /w=="},
        {"authorization": "Bearer wk_" + "a" * 43},
        {"x-api-key": "wk_"},
        {"x-api-key": "\udcff" * 40},
        {"authorization": "Digest wk_" + "a" * 43},
        {"cookie": f"{SESSION_COOKIE}=key_1.9999999999.00"},
        {"cookie": f"{SESSION_COOKIE}=\u00fc"},
        {"cookie": '"; broken'},
    ],
)
def test_what_is_no_key_of_ours_is_refused(open_gate: OpenGate, book: ProjectBook, headers: dict[str, str]) -> None:
    book.create_key(project="default", scopes=["admin"])
    gate = open_gate()
    with pytest.raises(Unauthenticated):
        gate.ingest_access(headers)
    with pytest.raises(Unauthenticated):
        gate.read_access(headers)


@pytest.mark.parametrize(
    ("scopes", "may"),
    [(["ingest"], {"ingest"}), (["read"], {"read"}), (["admin"], {"ingest", "read", "admin"})],
)
def test_a_key_opens_what_its_scopes_say(
    open_gate: OpenGate, book: ProjectBook, scopes: list[Any], may: set[str]
) -> None:
    headers = bearer(book.create_key(project="default", scopes=scopes).secret)
    gate = open_gate()
    doors: dict[str, Callable[[], object]] = {
        "ingest": lambda: gate.ingest_access(headers),
        "read": lambda: gate.read_access(headers),
        "admin": lambda: gate.read_access(headers, scope="admin"),
    }
    for scope, enter in doors.items():
        if scope in may:
            enter()
        else:
            with pytest.raises(Forbidden, match=f"no scope {scope}"):
                enter()


def test_over_its_rate_a_key_is_told_when_to_come_back(open_gate: OpenGate, book: ProjectBook, clock: Any) -> None:
    new = book.create_key(project="default", scopes=["ingest"], rate_limit_spans_per_s=10, burst_spans=20)
    gate = open_gate()
    gate.ingest_access(bearer(new.secret)).admit(15)
    with pytest.raises(TooManyRequests) as refused:
        gate.ingest_access(bearer(new.secret)).admit(10)
    assert refused.value.retry_after_s == pytest.approx(0.5)
    gate.refresh()  # which must not forgive anything
    clock.move(0.5)
    gate.ingest_access(bearer(new.secret)).admit(10)
    with pytest.raises(TooManyRequests):  # before a body is read
        gate.ingest_access(bearer(new.secret))


def test_a_session_is_as_good_as_its_key_and_no_better(open_gate: OpenGate, book: ProjectBook, clock: Any) -> None:
    book.create_project("shop")
    new = book.create_key(project="shop", scopes=["read"], name="team")
    gate = open_gate()
    cookie = {"cookie": f"a=b; {SESSION_COOKIE}={gate.sign_in(new.secret)}"}
    access = gate.read_access(cookie)
    assert access.project == "shop"
    assert gate.key_name(access) == "team"
    with pytest.raises(Unauthenticated):
        gate.read_access(cookie, session=False)
    with pytest.raises(Unauthenticated):
        gate.ingest_access(cookie)
    with pytest.raises(Forbidden):
        gate.read_access(cookie, scope="admin")
    clock.move(SESSION_S)
    with pytest.raises(Unauthenticated):
        gate.read_access(cookie)
    cookie = {"cookie": f"{SESSION_COOKIE}={gate.sign_in(new.secret)}"}
    assert gate.read_access(cookie) == access
    book.revoke_key(new.key.key_id)
    gate.refresh()
    with pytest.raises(Unauthenticated):
        gate.read_access(cookie)


def test_a_session_of_another_key_cannot_be_written_by_hand(open_gate: OpenGate, book: ProjectBook) -> None:
    mine = book.create_key(project="default", scopes=["read"])
    other = book.create_key(project=None, scopes=["admin"])
    gate = open_gate()
    sealed = gate.sign_in(mine.secret)
    forged = sealed.replace(mine.key.key_id, other.key.key_id)
    with pytest.raises(Unauthenticated):
        gate.read_access({"cookie": f"{SESSION_COOKIE}={forged}"})
    later = sealed.replace(sealed.split(".")[1], "99999999999")
    with pytest.raises(Unauthenticated):
        gate.read_access({"cookie": f"{SESSION_COOKIE}={later}"})


@pytest.mark.parametrize("scopes", [["ingest"]])
def test_a_key_that_may_not_read_signs_nobody_in(open_gate: OpenGate, book: ProjectBook, scopes: list[Any]) -> None:
    secret = book.create_key(project="default", scopes=scopes).secret
    gate = open_gate()
    with pytest.raises(Forbidden):
        gate.sign_in(secret)
    with pytest.raises(Unauthenticated):
        gate.sign_in("wk_" + "x" * 43)


def test_sessions_outlive_a_restart(open_gate: OpenGate, book: ProjectBook) -> None:
    secret = book.create_key(project="default", scopes=["read"]).secret
    cookie = {"cookie": f"{SESSION_COOKIE}={open_gate().sign_in(secret)}"}
    assert open_gate().read_access(cookie).project == "default"


def test_a_running_gate_notices_new_and_revoked_keys(engine: Engine, book: ProjectBook) -> None:
    gate = Gate(engine)
    gate.start()
    try:
        new = book.create_key(project="default", scopes=["ingest"])
        _within(REFRESH_S + 1, lambda: gate.is_required)
        assert gate.ingest_access(bearer(new.secret)).key_id == new.key.key_id
        book.revoke_key(new.key.key_id)
        _within(REFRESH_S + 1, lambda: gate.lets_nobody_in)
    finally:
        gate.close()
    assert book.all_keys()[0].last_used_ns is not None


def test_last_use_is_written_at_most_once_a_minute(open_gate: OpenGate, book: ProjectBook, clock: Any) -> None:
    new = book.create_key(project="default", scopes=["ingest"])
    first_ns = clock()
    for _ in range(2):
        gate = open_gate()
        gate.ingest_access(bearer(new.secret))
        gate.close()
        assert book.all_keys()[0].last_used_ns == first_ns
        clock.move(30)
    clock.move(1)
    gate = open_gate()
    gate.ingest_access(bearer(new.secret))
    gate.close()
    assert book.all_keys()[0].last_used_ns == clock()


def _within(seconds: float, happens: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)

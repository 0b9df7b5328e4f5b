"""An erasure from the request to the receipt, on a real store and a real state database."""

import hashlib
import json
import threading

import pytest
from sqlalchemy import insert, select

from collector.erasure import Asked, Erasures
from collector.errors import BadRequest, StoreUnavailable
from collector.projects.audit import read_entries
from collector.query import Filters
from collector.state import STATE_FILE
from collector.state.tables import review_items
from collector.store import open_store
from collector.times import parse_rfc3339

EVERYTHING = Filters(since_ns=0, until_ns=2**62)
NOW_NS = parse_rfc3339("2026-12-01T00:00:00Z")
WHO = "anna@example.org"
SHA = hashlib.sha256(WHO.encode()).hexdigest()


@pytest.fixture
def parts(tmp_path, engine):
    """A store, a state database and erasures on them."""
    store = open_store(tmp_path)
    erasures = Erasures(store, engine, tmp_path, clock=lambda: NOW_NS, redacted=lambda user: [f"[{user}]"])
    yield store, engine, erasures
    erasures.close()
    store.close()


def asked(**given):
    return Asked(**{"user": WHO, "project": None, "actor": "cli:ops"} | given)


def a_review_item(call, item_id):
    return {
        "item_id": item_id, "call_id": call.call_id, "call_start_ns": call.start_ns, "project": call.project,
        "stratum": "random", "inclusion_probability": 0.1, "reason": f"about {call.user_id}", "place": item_id,
        "state": "open", "created_ns": 1,
    }  # fmt: skip


def test_the_receipt_says_what_went_and_stays_in_the_audit_log(parts, tmp_path, a_call, a_batch):
    store, engine, erasures = parts
    calls = [a_call(user_id=WHO), a_call(user_id=f"[{WHO}]"), a_call(user_id="somebody")]
    store.write([a_batch(calls)])
    with engine.begin() as connection:
        connection.execute(insert(review_items), [a_review_item(call, f"item{i}") for i, call in enumerate(calls)])
    receipt = erasures.submit(asked()).result(60)
    assert receipt["erased"] == {
        "calls": 2, "spans": 2, "parts": 0, "logs": 0, "points": 0, "opinions": 0, "scores": 0, "vectors": 0,
        "verdict_pairs": 0, "review_items": 2,
    }  # fmt: skip
    assert {key: receipt[key] for key in ("time", "actor", "user_sha256", "project", "days")} == {
        "time": "2026-12-01T00:00:00Z", "actor": "cli:ops", "user_sha256": SHA, "project": None,
        "days": ["2026-11-21"],
    }  # fmt: skip
    assert "erase again" in receipt["note"]
    (entry,) = read_entries(engine, target=f"user:sha256:{SHA}")
    assert (entry.entry_id, entry.action, entry.actor) == (receipt["receipt"], "erase", "cli:ops")
    assert entry.details["erased"] == receipt["erased"]
    assert WHO not in json.dumps([receipt, entry.to_json()])
    assert [call.user_id for call in store.calls(EVERYTHING).items] == ["somebody"]
    with engine.connect() as connection:
        assert connection.scalars(select(review_items.c.item_id)).all() == ["item2"]
    again = erasures.erase(asked())
    assert not any(again["erased"].values())
    assert again["receipt"] == receipt["receipt"] + 1
    assert not list((tmp_path / "erasing").iterdir())
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or WHO.encode() not in path.read_bytes(), path


def test_a_request_that_is_sent_twice_erases_once(parts, a_call, a_batch):
    store, _, erasures = parts
    store.write([a_batch([a_call(user_id=WHO)])])
    twice = [erasures.submit(asked(request_id="r1")).result(60) for _ in range(2)]
    assert twice[0] == twice[1]
    assert twice[0]["erased"]["calls"] == 1
    assert erasures.submit(asked(request_id="r2")).result(60)["erased"]["calls"] == 0


def test_a_retry_waits_for_the_first_that_is_still_at_it(parts, monkeypatch):
    store, _, erasures = parts
    go, n_asked = threading.Event(), []
    belongings = store.belongings

    def slow(ids, *, project):
        n_asked.append(ids)
        assert go.wait(60)
        return belongings(ids, project=project)

    monkeypatch.setattr(store, "belongings", slow)
    futures = [erasures.submit(asked(request_id="r1")) for _ in range(3)]
    go.set()
    assert len({future.result(60)["receipt"] for future in futures}) == 1
    assert len(n_asked) == 1


def test_what_is_cut_off_in_the_middle_is_finished_later(parts, tmp_path, a_call, a_span, a_batch, monkeypatch):
    store, engine, erasures = parts
    call = a_call(user_id=WHO)
    after_midnight = call.start_ns + 86_400 * 10**9
    span = a_span(trace_id=call.trace_id, name=WHO, start_ns=after_midnight, end_ns=after_midnight)
    store.write([a_batch([call], [span])])
    rewrite, n_done = store._rewriting.rewrite, []

    def once(number, plan):
        if n_done:
            raise StoreUnavailable("the power goes")
        n_done.append(number)
        return rewrite(number, plan)

    monkeypatch.setattr(store._rewriting, "rewrite", once)
    with pytest.raises(StoreUnavailable, match="power"):
        erasures.erase(asked())
    assert read_entries(engine) == []
    assert store.calls(EVERYTHING).items == []  # nothing names the person any more, but a span is left
    assert len(store.spans(EVERYTHING).items) == 1
    with pytest.raises(StoreUnavailable, match="power"):
        erasures.submit(asked(request_id="r")).result(60)
    monkeypatch.undo()
    later = Erasures(store, engine, tmp_path, clock=lambda: NOW_NS)
    later.resume()
    later.close()
    assert store.spans(EVERYTHING).items == []
    (entry,) = read_entries(engine)
    assert entry.details["erased"]["spans"] == 1
    assert not list((tmp_path / "erasing").iterdir())


def test_a_retry_of_what_was_cut_off_gets_the_receipt_of_all(parts, a_call, a_batch, monkeypatch):
    store, engine, erasures = parts
    store.write([a_batch([a_call(user_id=WHO)])])

    def full(number, plan):
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store._rewriting, "rewrite", full)
    with pytest.raises(StoreUnavailable, match="full"):
        erasures.submit(asked(request_id="r")).result(60)
    monkeypatch.undo()
    assert erasures.submit(asked(request_id="r")).result(60)["erased"]["calls"] == 1
    assert len(read_entries(engine)) == 1


@pytest.mark.parametrize("user", ["", "x" * 1025])
def test_an_id_that_nobody_has_is_refused(user):
    with pytest.raises(BadRequest, match="user_id: must have 1 to 1024 characters"):
        asked(user=user)


def test_the_bytes_of_review_items_are_gone_too(parts, tmp_path, a_call, a_batch):
    store, engine, erasures = parts
    call = a_call(user_id=WHO)
    store.write([a_batch([call])])
    with engine.begin() as connection:
        connection.execute(insert(review_items), [a_review_item(call, "item")])
    erasures.erase(asked())
    with engine.connect() as connection:
        assert connection.execute(select(review_items)).all() == []
    assert all(WHO.encode() not in path.read_bytes() for path in tmp_path.glob(f"{STATE_FILE}*"))

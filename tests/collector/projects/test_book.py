"""Projects and keys, and the trail that each change leaves."""

from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from collector.errors import BadRequest
from collector.projects.audit import read_entries
from collector.projects.book import ProjectBook
from collector.projects.key import hash_of


def test_the_default_project_is_always_there(book: ProjectBook) -> None:
    assert [project.name for project in book.projects()] == ["default"]


def test_a_project_is_kept_with_its_retention(book: ProjectBook) -> None:
    made = book.create_project("shop", content_days=7, telemetry_days=90)
    assert book.project("shop") == made
    changed = book.change_project("shop", content_days=None, redaction={"mode": "hash"})
    assert (changed.content_days, changed.telemetry_days, changed.redaction) == (None, 90, {"mode": "hash"})
    assert book.project("shop") == changed


@pytest.mark.parametrize("name", ["", "Shop", "a b", "-a", "a-", "a/b", "x" * 64, "shöp", "a\n"])
def test_a_name_that_cannot_stand_in_an_address_is_refused(book: ProjectBook, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot be a name"):
        book.create_project(name)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({"content_days": 0}, "content_days: must be 1 to"),
        ({"telemetry_days": -3}, "telemetry_days: must be 1 to"),
        ({"content_days": 31, "telemetry_days": 30}, "cannot be kept longer than the calls"),
    ],
)
def test_days_that_cannot_be_are_refused(book: ProjectBook, days: dict[str, int], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        book.create_project("shop", **days)
    with pytest.raises(BadRequest, match=said):
        book.change_project("default", **days)
    assert book.project("default").content_days is None


def test_a_second_project_of_a_name_and_an_unknown_one_are_refused(book: ProjectBook) -> None:
    book.create_project("shop")
    with pytest.raises(BadRequest, match="there is a 'shop' already"):
        book.create_project("shop")
    with pytest.raises(BadRequest, match=r"did you mean shop\?"):
        book.change_project("shob", content_days=1)
    with pytest.raises(BadRequest, match=r"did you mean shop\?"):
        book.create_key(project="shob", scopes=["read"])


def test_only_the_hash_of_a_key_is_kept(book: ProjectBook, engine: Engine) -> None:
    new = book.create_key(project="default", scopes=["ingest", "read"], name="ci", sample_rate=0.5, burst_spans=None)
    assert new.secret.startswith("wk_")
    assert len(new.secret) >= 35
    [kept] = book.all_keys()
    assert kept == new.key
    assert kept.sha256 == hash_of(new.secret)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        stored = str([connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables])
    assert kept.sha256 in stored
    assert new.secret not in stored
    assert new.secret not in repr(read_entries(engine))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scopes": []}, "scope: must be one or more of"),
        ({"scopes": ["write"]}, "scope: must be one or more of"),
        ({"project": None, "scopes": ["read", "ingest"]}, "only a key with scope admin"),
        ({"rate_limit_spans_per_s": 0.0}, "rate limit: must be above 0"),
        ({"rate_limit_spans_per_s": float("nan")}, "rate limit: must be above 0"),
        ({"burst_spans": 5}, "goes with a rate limit"),
        ({"sample_rate": 0.0}, "sample rate: must be above 0"),
        ({"sample_rate": 1.5}, "sample rate: must be above 0"),
        ({"expires_ns": 5}, "expires: lies in the past"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(book: ProjectBook, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        book.create_key(**{"project": "default", "scopes": ["ingest"]} | fields)
    assert book.all_keys() == []


def test_a_key_is_revoked_once_and_stays_in_the_list(book: ProjectBook, engine: Engine) -> None:
    key_id = book.create_key(project="default", scopes=["read"]).key.key_id
    first = book.revoke_key(key_id)
    assert book.revoke_key(key_id) == first
    assert [key.revoked_ns for key in book.all_keys()] == [first.revoked_ns]
    assert [entry.action for entry in read_entries(engine)] == ["key.revoke", "key.create"]
    with pytest.raises(BadRequest, match="there is no key 'key_x'"):
        book.revoke_key("key_x")


def test_every_change_says_who_did_what(book: ProjectBook, engine: Engine) -> None:
    book.create_project("shop")
    book.change_project("shop", telemetry_days=30)
    key = book.create_key(project="shop", scopes=["ingest"], rate_limit_spans_per_s=10).key
    told = [(entry.actor, entry.action, entry.target, entry.details) for entry in reversed(read_entries(engine))]
    assert told == [
        ("ops", "project.create", "project:shop", {"content_days": None, "telemetry_days": None}),
        ("ops", "project.change", "project:shop", {"from": {"telemetry_days": None}, "to": {"telemetry_days": 30}}),
        ("ops", "key.create", f"key:{key.key_id}", {"project": "shop", "scopes": ["ingest"],
                                                    "rate_limit_spans_per_s": 10}),
    ]  # fmt: skip
    assert [entry.target for entry in read_entries(engine, target="project:shop", limit=1)] == ["project:shop"]


def test_what_is_refused_leaves_no_trail(book: ProjectBook, engine: Engine) -> None:
    book.create_project("shop")
    with pytest.raises(BadRequest):
        book.create_project("shop")
    assert len(read_entries(engine)) == 1

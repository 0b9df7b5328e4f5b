"""`watchkeeper project`, `key` and `audit`, as a person or a script runs them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from collector.errors import BadRequest, WatchkeeperError
from collector.times import parse_rfc3339
from watchkeeper.__main__ import app
from watchkeeper.commands.keys import expiry_ns

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(run_watchkeeper: Run, tmp_path: Path) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_watchkeeper(*arguments, "--data-dir", str(tmp_path / "data"))

    return run


def rows_of(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_project_and_its_key_from_the_first_to_the_last_day(run: Run) -> None:
    assert run("project", "create", "shop", "--telemetry-days", "90").returncode == 0
    made = run("key", "create", "--project", "shop", "--scope", "ingest", "--scope", "read", "--rate-limit", "500",
               "--sample-rate", "0.5", "--expires", "90d", "--name", "ci")  # fmt: skip
    secret = made.stdout.strip()
    assert secret.startswith("wk_"), "standard output is the key and nothing else"
    assert "shown only this once" in made.stderr
    [key] = rows_of(run("key", "list", "--json"))
    assert (key["project"], key["scopes"], key["state"], key["name"]) == ("shop", ["ingest", "read"], "valid", "ci")
    assert (key["rate_limit"], key["sample_rate"], key["last_used"]) == (500, 0.5, None)

    assert run("project", "set-retention", "shop", "--content-days", "7").returncode == 0
    default, shop = rows_of(run("project", "list", "--json"))
    assert (default["project"], default["content_days"], default["telemetry_days"]) == ("default", None, None)
    assert (shop["project"], shop["content_days"], shop["telemetry_days"]) == ("shop", 7, 90)

    assert run("key", "revoke", key["key_id"]).returncode == 0
    shown = run("key", "list").stdout
    assert "revoked" in shown
    assert secret not in shown
    entries = rows_of(run("audit", "--json"))
    assert [e["action"] for e in entries] == ["project.create", "key.create", "project.change", "key.revoke"]
    assert all(e["actor"].startswith("cli:") for e in entries)
    assert secret not in json.dumps(entries)
    assert [e["action"] for e in rows_of(run("audit", "--json", "--limit", "1"))] == ["key.revoke"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["key", "create", "--scope", "write"], "--scope: must be one of ingest, read, admin"),
        (["key", "create", "--scope", "read", "--all-projects"], "only a key with scope admin"),
        (["key", "create", "--scope", "admin", "--all-projects", "--project", "x"], "--all-projects"),
        (["key", "create", "--scope", "read", "--project", "shop"], "there is no 'shop'"),
        (["key", "create", "--scope", "read", "--expires", "soon"], "--expires: write a time like"),
        (["project", "create", "x", "--content-days", "a week"], "--content-days: write a number of days"),
        (["project", "set-retention", "default"], "say what to change"),
        (["key", "list"], "no Watchkeeper has kept anything here"),
        (["audit"], "no Watchkeeper has kept anything here"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path / "data")])
    assert isinstance(result.exception, WatchkeeperError)
    assert said in str(result.exception)
    assert result.stdout == ""


def test_a_key_expires_after_a_time_or_at_one() -> None:
    now_ns = parse_rfc3339("2026-11-21T12:00:00Z")
    assert expiry_ns("12h", now_ns=now_ns) == parse_rfc3339("2026-11-22T00:00:00Z")
    assert expiry_ns("2027-01-01T00:00:00Z", now_ns=now_ns) == parse_rfc3339("2027-01-01T00:00:00Z")
    with pytest.raises(BadRequest, match="write a time like"):
        expiry_ns("-1d", now_ns=now_ns)

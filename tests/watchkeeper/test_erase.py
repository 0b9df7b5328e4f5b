"""`watchkeeper erase` on a folder and through the platform that runs on it."""

import json
import time

import httpx
import pytest

from collector.query import Filters
from collector.store import open_store

EVERYTHING = Filters(since_ns=0, until_ns=2**62)
DAY = "2026-11-20"


def a_call(user, n):
    return {
        "start_time": f"{DAY}T12:00:0{n}Z",
        "project": "shop" if n % 2 else "default",
        "user_id": user,
        "output_messages": f"said to {user}",
        "request_model": "gpt-4o",
    }


def post(platform, calls, **headers):
    answer = httpx.post(f"{platform.api}/calls", json=calls, headers=headers, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text


def users(platform):
    params = {"since": "2020-01-01T00:00:00Z"}
    answer = httpx.get(f"{platform.api}/calls", params=params, trust_env=False, timeout=60)
    return sorted(call["user_id"] for call in answer.json()["items"])


def until_known(platform, keys):
    """New keys are known after a second or two; until the first is, everybody may do everything."""

    def status(**headers):
        return httpx.get(f"{platform.api}/calls", headers=headers, trust_env=False, timeout=60).status_code

    deadline_s = time.monotonic() + 30
    while status() != 401 or any(status(**{"x-api-key": key}) == 401 for key in keys):
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


@pytest.fixture
def erase(run_watchkeeper):
    """`erase(options)`: the receipt."""

    def run(*options):
        done = run_watchkeeper("erase", *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_in_the_folder_and_through_the_platform_that_runs_on_it(platform, erase, run_watchkeeper, tmp_path):
    post(platform, [a_call(user, n) for n, user in enumerate(["anna", "anna", "berta", "c.ä@example.org"])])
    folder = ("--data-dir", str(platform.data_dir))
    receipt = erase("--user", "anna", "--project", "shop", *folder)
    assert (receipt["erased"]["calls"], receipt["days"], receipt["actor"]) == (1, [DAY], "rest")
    assert users(platform) == ["anna", "berta", "c.ä@example.org"]
    assert erase("--user", "anna", "--url", platform.ui)["erased"]["calls"] == 1
    assert users(platform) == ["berta", "c.ä@example.org"]
    assert platform.stop() == 0
    receipt = erase("--user", "c.ä@example.org", *folder)
    assert receipt["erased"]["calls"] == 1
    assert receipt["actor"].startswith("cli:")
    assert not any(erase("--user", "anna", *folder)["erased"].values())
    store = open_store(platform.data_dir)
    assert [call.user_id for call in store.calls(EVERYTHING).items] == ["berta"]
    store.close()
    audit = run_watchkeeper("audit", "--json", *folder).stdout.splitlines()
    assert [json.loads(line)["action"] for line in audit].count("erase") == 4
    assert b"anna" not in b"".join(path.read_bytes() for path in platform.data_dir.rglob("*") if path.is_file())


def test_only_admin_may_and_only_in_the_project_of_the_key(start_platform, run_watchkeeper):
    platform = start_platform()
    folder = ("--data-dir", str(platform.data_dir))
    post(platform, [a_call("anna", n) for n in range(2)])
    keys = {
        scope: run_watchkeeper("key", "create", "--scope", scope, *folder).stdout.strip() for scope in ("read", "admin")
    }

    until_known(platform, keys.values())

    def ask(key, **body):
        return httpx.post(
            f"{platform.api}/erase", json={"user_id": "anna"} | body, headers={"x-api-key": key}, trust_env=False,
            timeout=60,
        )  # fmt: skip

    assert ask(keys["read"]).status_code == 403
    assert ask(keys["admin"], project="shop").status_code == 403
    assert ask(keys["admin"], user_id="").status_code == 400
    answer = ask(keys["admin"])
    assert answer.status_code == 200
    assert (answer.json()["project"], answer.json()["erased"]["calls"]) == ("default", 1)
    assert answer.json()["actor"].startswith("key:")
    refused = run_watchkeeper("erase", "--user", "anna", *folder)
    assert refused.returncode == 2
    assert "--api-key" in refused.stderr


def test_a_folder_without_telemetry_is_refused(run_watchkeeper, tmp_path):
    done = run_watchkeeper("erase", "--user", "anna", "--data-dir", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert "holds no telemetry" in done.stderr
    assert not (tmp_path / "nothing").exists()

"""`watchkeeper store init` prepares a cluster, once, and says what it did."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from collector.store.elasticsearch.config import ElasticsearchConfig

Run = Callable[..., subprocess.CompletedProcess[str]]


def settings(config: ElasticsearchConfig) -> dict[str, str]:
    table = "WATCHKEEPER_STORE__ELASTICSEARCH"
    return {
        "WATCHKEEPER_STORE__KIND": "elasticsearch",
        f"{table}__URL": config.url,
        f"{table}__PREFIX": config.prefix,
        f"{table}__REPLICAS": "0",
    }


def test_the_second_time_there_is_nothing_to_do(run_watchkeeper: Run, elasticsearch: ElasticsearchConfig) -> None:
    first = run_watchkeeper("store", "init", **settings(elasticsearch))
    assert first.returncode == 0, first.stderr
    assert "installed the index templates" in first.stdout
    assert f"{elasticsearch.prefix}-calls" in first.stdout
    again = run_watchkeeper("store", "init", **settings(elasticsearch))
    assert again.returncode == 0, again.stderr
    assert "nothing to do, the index templates" in again.stdout


def test_a_cluster_that_is_away_or_cannot_is_a_sentence(
    run_watchkeeper: Run, elasticsearch: ElasticsearchConfig
) -> None:
    away = run_watchkeeper(
        "store", "init", **settings(elasticsearch) | {"WATCHKEEPER_STORE__ELASTICSEARCH__URL": "http://127.0.0.1:9"}
    )
    assert away.returncode == 2
    assert "nobody answers" in away.stderr
    cannot = run_watchkeeper(
        "store", "init", **settings(elasticsearch) | {"WATCHKEEPER_STORE__ELASTICSEARCH__ILM_POLICY": "thirty-days"}
    )
    assert cannot.returncode == 2
    assert "knows no lifecycle policies" in cannot.stderr


def test_files_need_no_preparing(run_watchkeeper: Run, tmp_path: Path) -> None:
    ended = run_watchkeeper("store", "init")
    assert ended.returncode == 0, ended.stderr
    assert "nothing to do: DuckDB" in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_policy_and_days_of_our_own_do_not_go_together(
    run_watchkeeper: Run, elasticsearch: ElasticsearchConfig
) -> None:
    ended = run_watchkeeper(
        "store",
        "init",
        **settings(elasticsearch)
        | {
            "WATCHKEEPER_STORE__ELASTICSEARCH__ILM_POLICY": "thirty-days",
            "WATCHKEEPER_COLLECTOR__RETENTION__TELEMETRY_DAYS": "30",
        },
    )
    assert ended.returncode == 2
    assert "leave one of them out" in ended.stderr

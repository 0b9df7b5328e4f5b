"""What is done with telemetry before it is stored: prices and redaction, on every path."""

import json
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry

from collector.batch import LOG_SCHEMA, Batch
from collector.config import CollectorConfig
from collector.ingest import Ingest
from collector.intake.local import Intake
from collector.metrics import CollectorMetrics
from collector.prices import PriceList
from collector.query import Filters
from collector.redacting import ROLES
from collector.redaction import Policy
from collector.score import Score
from collector.store import open_store
from collector.understanding import Understanding

EVERYTHING = Filters(since_ns=0, until_ns=2**62)
SECRET = "sk-proj-" + "Zk9" * 16
MAIL = "ada@example.com"


def understanding(counts: Counter[str] | None = None, **redaction: Any) -> Understanding:
    config = CollectorConfig.model_validate({"redaction": {"kinds": ["all"]} | redaction}).redaction

    def policy(project: str) -> Policy:
        return config.policy(project, installation_key=b"k" * 32)

    return Understanding(policies=policy, count=(counts if counts is not None else Counter()).update)


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": [{"type": "text", "content": text}]}]


def test_nothing_that_is_redacted_reaches_the_files_of_the_store(tmp_path: Path, a_call: Any, a_batch: Any) -> None:
    call = a_call(
        input_messages=said(f"I am {MAIL}"), output_messages=said(f"key {SECRET}"), error_type="x",
        error_message=f"bad key {SECRET}", user_id=MAIL, metadata={"mail": MAIL}, tags=[MAIL],
    )  # fmt: skip
    log = dict.fromkeys(LOG_SCHEMA.names) | {
        "log_id": "1", "time_ns": call.start_ns, "project": "default", "body": f"to {MAIL}",
        "attributes": json.dumps({"authorization": f"Bearer {SECRET}"}), "resource": "{}",
    }  # fmt: skip
    registry = CollectorRegistry()
    metrics = CollectorMetrics(registry)
    with closing(open_store(tmp_path)) as store:
        ingest = Ingest(store, metrics, intake=Intake(understanding()))
        batch = a_batch([call])
        logs = pa.Table.from_pylist([log], schema=LOG_SCHEMA)
        ingest.submit(Batch(spans=batch.spans, parts=batch.parts, logs=logs)).result(30)
        facts = {"target_id": call.call_id, "target_start_ns": call.start_ns, "created_ns": 1}
        ingest.write_scores([Score(evaluator="u", version="1", source="user", explanation=f"ask {MAIL}", **facts)])
        ingest.close()
        (found,) = store.calls(EVERYTHING).items
        assert found.output_text == "key [API_KEY]"
        assert found.prompt_text == "I am [EMAIL]"
        assert found.user_id is not None
        assert found.user_id.startswith("[EMAIL:")
        assert store.scores(EVERYTHING).items[0].explanation == "ask [EMAIL]"
    for file in (tmp_path / "telemetry").iterdir():
        raw = file.read_bytes()
        assert MAIL.encode() not in raw
        assert SECRET.encode() not in raw
    assert registry.get_sample_value("watchkeeper_redactions_total", {"kind": "email"}) >= 6


def test_each_project_has_its_own_policy(a_call: Any, a_batch: Any) -> None:
    calls = [a_call(project=name, input_messages=said(MAIL)) for name in ("open", "strict", "dropped")]
    projects = {"open": {"mode": "off"}, "dropped": {"mode": "drop_content"}}
    (batch,) = understanding(projects=projects)([a_batch(calls)])
    texts = dict(zip(batch.parts["project"].to_pylist(), batch.parts["input_messages"].to_pylist(), strict=True))
    assert MAIL in texts["open"]
    assert "[EMAIL]" in texts["strict"]
    assert texts["dropped"] is None


def test_every_text_column_has_a_role_or_holds_no_words_of_anybody() -> None:
    not_words = {
        "trace_id", "span_id", "parent_span_id", "call_id", "part_id", "part_kind", "log_id", "point_id", "opinion_id",
        "kind", "operation", "status", "project", "service", "environment", "scope", "provider", "request_model",
        "response_model", "response_id", "system_fingerprint", "finish_reasons", "event_name", "severity", "unit",
        "temporality", "name", "distribution", "target_kind", "source",
    }  # fmt: skip
    for table, roles in ROLES.items():
        for field in getattr(Batch(), table).schema:
            if pa.types.is_string(field.type) or pa.types.is_list(field.type):
                assert field.name in roles or field.name in not_words, f"{table}.{field.name}"


@pytest.mark.parametrize(("given", "own", "expected"), [(None, None, True), (0.5, None, 0.5), (0.5, 2.0, 2.0)])
def test_a_price_that_was_given_stays_unless_the_operator_has_one(
    a_call: Any, a_batch: Any, given: float | None, own: float | None, expected: float
) -> None:
    call = a_call(cost_usd=given, input_tokens=1_000_000, output_tokens=0, response_model="gpt-4o")
    models = [{"model": "gpt-4o", "input_usd_per_mtok": own, "output_usd_per_mtok": 0}] if own is not None else []
    prices = PriceList.of(CollectorConfig.model_validate({"prices": {"models": models}}).prices)
    (batch,) = Understanding(prices=prices)([a_batch([call])])
    (cost_usd,) = batch.parts["cost_usd"].to_pylist()
    assert cost_usd == expected or (expected is True and cost_usd > 0)


def test_a_model_without_a_price_is_counted(a_call: Any, a_batch: Any) -> None:
    counts: Counter[str] = Counter()
    calls = [a_call(cost_usd=None, provider="local", request_model="tiny"), a_call()]
    Understanding(count=counts.update)([a_batch(calls)])
    assert counts["unpriced"] == 1

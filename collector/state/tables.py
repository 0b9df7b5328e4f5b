"""The tables of the state database: what must be right rather than large. Times are Unix nanoseconds, UTC."""

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
)

SCHEMA_VERSION = 4
"""Raise it together with a step in `collector.state.migrations`."""

metadata = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

# How far each consumer of the call stream has come.
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("consumer", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("updated_ns", BigInteger, nullable=False),
)

# Who does what only one process may do. A token is never given twice: it fences out who held the lease before.
leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("until_ns", BigInteger, nullable=False),  # of the database's clock
)

# The processes that share this database, and what each is able to do.
members = Table(
    "members",
    metadata,
    Column("holder", String, primary_key=True),
    Column("duties", JSON, nullable=False),
    Column("until_ns", BigInteger, nullable=False),
)

rules = Table(
    "rules",
    metadata,
    Column("rule_id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("spec", JSON, nullable=False),  # evaluators.alerts.rule
    Column("enabled", Boolean, nullable=False, default=True),
    Column("created_ns", BigInteger, nullable=False),
)

# One row per alert from pending to resolved; a new firing of the same rule and labels is a new row.
alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", String, primary_key=True),
    Column("rule_id", String, nullable=False),
    Column("rule_name", String, nullable=False),
    Column("fingerprint", String, nullable=False),  # hash of rule and labels
    Column("labels", JSON, nullable=False),
    Column("project", String, nullable=False, server_default="default"),
    Column("state", String, nullable=False),  # pending, firing, resolved
    Column("severity", String, nullable=False),
    Column("value", Float),
    Column("summary", Text, nullable=False),
    Column("links", JSON, nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("fired_ns", BigInteger),
    Column("resolved_ns", BigInteger),
    Column("acknowledged_ns", BigInteger),
    Column("acknowledged_by", String),
    Index("alerts_by_fingerprint", "fingerprint", "state"),
    Index("alerts_by_time", "since_ns"),
    Index("alerts_by_project", "project", "since_ns"),
)

# The drift verdicts that an alert stands on: an answer to any of them answers the alert.
alert_verdicts = Table(
    "alert_verdicts",
    metadata,
    Column("alert_id", String, primary_key=True),
    Column("verdict_id", String, primary_key=True),
    Column("decided_ns", BigInteger, nullable=False),
    Column("reference_start_ns", BigInteger, nullable=False),
    Column("current_end_ns", BigInteger, nullable=False),
    Index("alert_verdicts_by_verdict", "verdict_id"),
)

# A notification is written in the transaction that changes its alert, and sent until the receiver takes it.
outbox = Table(
    "outbox",
    metadata,
    Column("delivery_id", String, primary_key=True),
    Column("alert_id", String, nullable=False),
    Column("receiver", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("n_attempts", Integer, nullable=False, default=0),
    Column("next_attempt_ns", BigInteger, nullable=False),
    Column("delivered_ns", BigInteger),
    Column("gave_up_ns", BigInteger),
    Column("last_error", Text),
    Index("outbox_by_due", "delivered_ns", "next_attempt_ns"),
)

review_items = Table(
    "review_items",
    metadata,
    Column("item_id", String, primary_key=True),
    Column("call_id", String, nullable=False, unique=True),
    Column("call_start_ns", BigInteger, nullable=False),
    Column("project", String, nullable=False),
    Column("stratum", String, nullable=False),  # doubt, random
    Column("inclusion_probability", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("place", String, nullable=False),  # hash: the order tells a reviewer nothing
    Column("state", String, nullable=False),  # open, done, skipped
    Column("reviewer", String),
    Column("reserved_until_ns", BigInteger),
    Column("created_ns", BigInteger, nullable=False),
    Column("closed_ns", BigInteger),
    Column("seconds", Float),
    Column("skip_reason", Text),
    Index("review_by_place", "state", "place"),
)

# What each drift monitor is and remembers. A deleted one stays: it is not made again by itself.
monitors = Table(
    "monitors",
    metadata,
    Column("monitor_id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("definition", JSON, nullable=False),  # evaluators.drift.monitors.definition
    Column("follows_config", Boolean, nullable=False),
    Column("state", JSON, nullable=False),  # evaluators.drift.monitors.record: changes with every call
    Column("memory", JSON, nullable=False),  # the same: changes with every window
    Column("deleted_ns", BigInteger),
    Column("updated_ns", BigInteger, nullable=False),
)

# A random choice of each day's sessions, for the references to come.
monitor_days = Table(
    "monitor_days",
    metadata,
    Column("monitor_id", String, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("units", JSON, nullable=False),  # evaluators.drift.monitors.unit
)

verdict_feedback = Table(
    "verdict_feedback",
    metadata,
    Column("verdict_id", String, primary_key=True),
    Column("monitor_id", String),
    Column("feedback", String, nullable=False),  # accepted, false_alarm
    Column("author", String, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
)

judge_spend = Table(
    "judge_spend",
    metadata,
    Column("utc_day", String, primary_key=True),
    Column("n_calls", Integer, nullable=False),
    Column("cost_usd", Float, nullable=False),
)

# A model, service or version keeps its colour on every page and through every filter.
series_colours = Table(
    "series_colours",
    metadata,
    Column("dimension", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("place", Integer, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("name", String, primary_key=True),
    Column("created_ns", BigInteger, nullable=False),
    Column("content_days", Integer),  # null: as the installation does it
    Column("telemetry_days", Integer),  # the same
    Column("redaction", JSON),  # null: as the installation does it
)

# A key is random, so its hash is all that is kept. A revoked one stays: it says that keys are in use here.
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String, primary_key=True),
    Column("sha256", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("project", String),  # null: all projects
    Column("rate_limit_spans_per_s", Float),
    Column("burst_spans", Integer),
    Column("sample_rate", Float),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger),
    Column("revoked_ns", BigInteger),
    Column("last_used_ns", BigInteger),
)

# Who did what to whom. Nothing here is ever changed or deleted; triggers see to it.
audit_log = Table(
    "audit_log",
    metadata,
    Column("entry_id", Integer, primary_key=True, autoincrement=True),
    Column("time_ns", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("target", String, nullable=False),
    Column("details", JSON, nullable=False),
    sqlite_autoincrement=True,
)

_ONLY_GROWS = "the audit log is append-only"
_GUARDS = {
    "sqlite": [
        f"CREATE TRIGGER audit_log_no_{change.lower()} BEFORE {change} ON audit_log "
        f"BEGIN SELECT RAISE(ABORT, '{_ONLY_GROWS}'); END"
        for change in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_ONLY_GROWS}'; END $$",
        "CREATE TRIGGER audit_log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_only_grows()",
    ],
}
for _dialect, _statements in _GUARDS.items():
    for _statement in _statements:
        _guard = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(audit_log, "after_create", _guard.execute_if(dialect=_dialect))

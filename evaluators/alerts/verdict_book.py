"""What the state database knows of verdicts: which alerts stand on them, and what people answered."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row, func, insert, select

from collector.state.tables import alert_verdicts, alerts, verdict_feedback
from collector.verdict import Verdict
from evaluators.alerts.alert_rows import alert_of
from evaluators.alerts.verdict_alerts import Answer, Past


def read_pasts(connection: Connection, rule_id: str) -> Mapping[str, Past]:
    """The newest alert of each series of the rule with its newest verdict and answer, by fingerprint."""
    newest = (
        select(alerts.c.fingerprint, func.max(alerts.c.since_ns).label("since_ns"))
        .where(alerts.c.rule_id == rule_id)
        .group_by(alerts.c.fingerprint)
        .subquery()
    )
    rows = connection.execute(
        select(alerts).join(
            newest, (alerts.c.fingerprint == newest.c.fingerprint) & (alerts.c.since_ns == newest.c.since_ns)
        )
    )
    pasts = {}
    for row in rows:
        behind = alert_verdicts.c.alert_id == row.alert_id
        verdict = connection.execute(
            select(alert_verdicts).where(behind).order_by(alert_verdicts.c.decided_ns.desc()).limit(1)
        ).first()
        if verdict is None:
            continue  # an alert of a metric rule that had this id
        answer = connection.execute(
            select(verdict_feedback, alert_verdicts.c.reference_start_ns, alert_verdicts.c.current_end_ns)
            .join(alert_verdicts, alert_verdicts.c.verdict_id == verdict_feedback.c.verdict_id)
            .where(behind)
            .order_by(verdict_feedback.c.created_ns.desc())
            .limit(1)
        ).first()
        pasts[row.fingerprint] = Past(
            alert=alert_of(row),
            decided_ns=verdict.decided_ns,
            reference_start_ns=verdict.reference_start_ns,
            answer=None if answer is None else _answer(answer, answer.reference_start_ns, answer.current_end_ns),
        )
    return pasts


def read_answers(connection: Connection, verdicts: Sequence[Verdict]) -> Mapping[str, Answer]:
    """What people said of these verdicts, by verdict id."""
    by_id = {verdict.verdict_id: verdict for verdict in verdicts}
    rows = connection.execute(select(verdict_feedback).where(verdict_feedback.c.verdict_id.in_(by_id)))
    return {
        row.verdict_id: _answer(row, by_id[row.verdict_id].reference_start_ns, by_id[row.verdict_id].current_end_ns)
        for row in rows
    }


def write_evidence(connection: Connection, alert_id: str, verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        connection.execute(
            insert(alert_verdicts).values(
                alert_id=alert_id,
                verdict_id=verdict.verdict_id,
                decided_ns=verdict.decided_ns,
                reference_start_ns=verdict.reference_start_ns,
                current_end_ns=verdict.current_end_ns,
            )
        )


def _answer(row: Row[tuple[object, ...]], reference_start_ns: int, current_end_ns: int) -> Answer:
    return Answer(
        feedback=row.feedback,
        answered_ns=row.created_ns,
        reference_start_ns=reference_start_ns,
        current_end_ns=current_end_ns,
    )

"""Monitors and verdicts of one project are nobody else's."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Engine

from collector.call import Call
from collector.errors import BadRequest
from collector.query import Filters
from collector.store.base import TelemetryStore
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors.monitors import Monitors

EVER = Filters(since_ns=0, until_ns=2**62)


def test_each_project_sees_and_answers_its_own(
    store: TelemetryStore,
    engine: Engine,
    featured: Callable[[Sequence[Call]], None],
    an_answer: Callable[..., Call],
) -> None:
    for project in ("shop", "bank"):
        calls = [an_answer(f"question {i}?", f"Answer {i}, in a few words.", project=project) for i in range(60)]
        featured(calls)
    monitors = Monitors(engine, store, config=DriftConfig(n_reference=40, n_window=20))
    monitors.tick()
    verdicts = {verdict.project: verdict for verdict in store.verdicts(EVER).items}
    assert verdicts.keys() == {"shop", "bank"}
    shop = monitors.of_project("shop")
    assert [state.project for state in shop.states()] == ["shop"]
    assert monitors.of_project("third").states() == []
    with pytest.raises(BadRequest, match="there is no verdict"):
        shop.report_false(verdicts["bank"], "eve")
    with pytest.raises(BadRequest, match="there is no verdict"):
        shop.accept(verdicts["bank"], "eve")
    assert monitors.feedback([v.verdict_id for v in verdicts.values()]) == {}
    shop.report_false(verdicts["shop"], "ann")
    assert shop.feedback([verdicts["shop"].verdict_id]) == {verdicts["shop"].verdict_id: "false_alarm"}
    assert shop.of_project("bank").states()[0].project == "bank"

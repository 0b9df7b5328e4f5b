"""Every trace that real instrumentation sent can be looked at, whatever is in it."""

import json
from pathlib import Path

from collector.prepared import prepared
from collector.query import Filters as CallFilters
from collector.state import open_state, state_url
from collector.store import open_store
from collector.understanding import understood
from dashboard.filters import Filters
from dashboard.markup import to_html
from dashboard.pages.base import View
from dashboard.pages.selected import panel
from dashboard.waterfall import waterfall
from tests.dashboard.conftest import NOW_NS
from tests.dashboard.seed import world

CAPTURES = Path(__file__).parents[3] / "shared" / "otlp-captures"
TABS = ("conversation", "scores", "facts", "attributes")


def test_every_span_of_every_captured_trace_has_its_tabs(tmp_path: Path) -> None:
    files = sorted(CAPTURES.glob("*/traces-*.pb"))
    assert len(files) >= 50
    store, engine = open_store(tmp_path), open_state(state_url(tmp_path))
    store.write(understood([prepared("traces", file.read_bytes()).load for file in files]))
    services = world(store, engine, NOW_NS).services
    calls = store.calls(CallFilters(since_ns=0, until_ns=2**62), limit=1000).items
    n_conversations = 0
    for trace_id in sorted({call.trace_id for call in calls}):
        trace = store.trace(trace_id)
        assert trace is not None
        drawn = waterfall(trace)
        json.dumps(drawn.to_json(None), allow_nan=False)
        for row in drawn.rows:
            for tab in TABS:
                view = View(services=services, filters=Filters(tab=tab), now_ns=NOW_NS, path="", author="")
                n_conversations += 'class="fold said assistant"' in to_html(panel(view, trace, drawn, row))
    store.close()
    engine.dispose()
    assert n_conversations > 100

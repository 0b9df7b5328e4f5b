"""What a score stands on, found in the store."""

from collector.api.errors import NotFound
from collector.call import Call
from collector.query import Filters
from collector.score import TargetKind
from collector.scorelog import Target
from collector.store.base import TelemetryReader

FOREVER_NS = 2**63 - 1


def find_target(reader: TelemetryReader, kind: TargetKind, target_id: str) -> Target:
    """The start of the target is that of its first call, which a later call of the same session does not move.

    Raises:
        NotFound: if nothing has this id.
    """
    match kind:
        case "call":
            first = reader.call(target_id)
        case "trace":
            trace = reader.trace(target_id)
            first = min(trace.calls, key=lambda call: call.start_ns, default=None) if trace else None
        case "session":
            first = _first_call_of_session(reader, target_id)
    if first is None:
        raise NotFound(f"there is no {kind} {target_id!r} with a model call; send its calls first, then its scores")
    return Target(
        start_ns=first.start_ns,
        project=first.project,
        service=first.service,
        environment=first.environment,
        request_model=first.request_model,
        trace_id=first.trace_id,
    )


def _first_call_of_session(reader: TelemetryReader, session_id: str) -> Call | None:
    filters = Filters(since_ns=0, until_ns=FOREVER_NS, session_id=session_id)
    page = reader.calls(filters, limit=1000)
    while page.next_cursor is not None:
        page = reader.calls(filters, limit=1000, cursor=page.next_cursor)
    return page.items[-1] if page.items else None

"""What a score stands on, found in the store."""

from collector.api.errors import NotFound
from collector.call import Call
from collector.query import Filters
from collector.score import TargetKind
from collector.store.base import TelemetryReader

FOREVER_NS = 2**63 - 1


def first_call(reader: TelemetryReader, kind: TargetKind, target_id: str) -> Call:
    """The call that the target is or begins with: a later call of the same session does not move it.

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
    return first


def _first_call_of_session(reader: TelemetryReader, session_id: str) -> Call | None:
    filters = Filters(since_ns=0, until_ns=FOREVER_NS, session_id=session_id)
    page = reader.calls(filters, limit=1000)
    while page.next_cursor is not None:
        page = reader.calls(filters, limit=1000, cursor=page.next_cursor)
    return page.items[-1] if page.items else None

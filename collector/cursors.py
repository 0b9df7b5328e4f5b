"""Where the next page of a list begins."""

import base64
import binascii
import json

from collector.errors import BadRequest

INT64 = range(-(2**63), 2**63)


def encode(time_ns: int, row_id: str) -> str:
    """The place after the row with this time and id, as opaque text."""
    return base64.urlsafe_b64encode(json.dumps([time_ns, row_id]).encode()).decode()


def decode(cursor: str) -> tuple[int, str]:
    """What `encode` was given.

    Raises:
        BadRequest: if `cursor` is not one of ours.
    """
    try:
        place = json.loads(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
    except (UnicodeError, binascii.Error, ValueError, RecursionError):
        place = None
    match place:
        case [int(time_ns), str(row_id)] if time_ns in INT64 and type(time_ns) is int and row_id.isprintable():
            return time_ns, row_id
    raise BadRequest(f"{cursor[:80]!r} is not a cursor of this list; take next_cursor of the page before, or none")

"""Building blocks of the prefilters: RE2 on bytes that sees through the escapes of JSON.

A prefilter reads a column as it is, so a line break before a key may be the two characters `\\n`, and a no-break space
the six characters `\\u00a0`. pyarrow compiles an expression at every call, so prefilters count nothing that they need
not count: a few digits or letters of the beginning rule most texts out.
"""

from typing import Final

LEFT: Final = r"(?:^|[^0-9A-Za-z]|\\[bfnrt]|\\u[0-9A-Fa-f]{4})"
"""What may stand before a word."""

RIGHT: Final = r"(?:[^0-9A-Za-z]|$)"

GAP: Final = r"(?:[ \-]|[\x80-\xff]+|\\u[0-9A-Fa-f]{4})"
"""What may stand between the groups of one number."""

ESCAPED_ASCII: Final = r"\\u00[2-7]"
"""A printable ASCII character written as an escape: nothing can be ruled out without undoing it."""

"""Building blocks of RE2 expressions that see through the escapes of JSON.

A prefilter reads a column as it is, so a line break before a key may be the two characters `\\n`, and a no-break space
the six characters `\\u00a0`. Detectors see texts with the escapes undone.
"""

from typing import Final

ESCAPED_ASCII: Final = r"\\u00[2-7][0-9A-Fa-f]"
"""A printable ASCII character written as an escape: nothing can be ruled out without undoing it."""

LEFT: Final = r"(?:^|[^0-9A-Za-z]|\\[bfnrt]|\\u[0-9A-Fa-f]{4})"
"""What may stand before a word."""

LEFT_OF_NUMBER: Final = r"(?:^|[^0-9A-Za-z.]|\\[bfnrt]|\\u[0-9A-Fa-f]{4})"
"""What may stand before a number; after a point it would be a fraction."""

RIGHT: Final = r"(?:[^0-9A-Za-z]|$)"

GAP: Final = r"(?:[ .\-]|[^\x00-\x7f]|\\u[0-9A-Fa-f]{4})"
"""What may stand between the groups of one number."""

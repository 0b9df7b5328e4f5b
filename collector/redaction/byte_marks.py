"""Which texts hold a sign that nothing of some kinds can do without, by comparing bytes of a whole column.

A name before `:` or `=`, an @, an escape: to compare bytes for these costs a tenth of a pass of a regular expression.
"""

from typing import Final

import numpy as np

from collector.redaction.byte_column import Bools, ByteColumn, Bytes, Ints

# How the names of secrets end: password, passwd, passphrase, pwd, ...key, ...token, secret, authorization, cookie.
_ENDINGS: Final = (b"sword", b"sswd", b"hrase", b"pwd", b"key", b"token", b"cret", b"horization", b"ookie")
_LAST_TWO: Final = np.zeros(2**16, bool)
_LAST_TWO[[(e[-2] << 8) + e[-1] for e in _ENDINGS]] = True
_BETWEEN_NAME_AND_SIGN: Final = np.isin(np.arange(256), list(b" \t\r\n\"'`\\"))
_MAX_BETWEEN: Final = 9
_MAX_BACKSLASHES: Final = 15
_QUOTES: Final = np.isin(np.arange(256), list(b"\"'`"))


def with_at(column: ByteColumn) -> Bools:
    """The texts with an @, or with %40, which is one in a URL."""
    percent = np.flatnonzero(column.data == ord("%"))
    percent = percent[(column.ahead(percent, 1) == ord("4")) & (column.ahead(percent, 2) == ord("0"))]
    return column.rows(np.flatnonzero(column.data == ord("@"))) | column.rows(percent)


def with_escapes_to_undo(column: ByteColumn) -> Bools:
    """The texts with an escape that could hide something.

    A printable ASCII character, as \\u00XX, can hide anything; a wide space or hyphen after a digit, as \\u00aX or
    \\u20XX, stands within a number.
    """
    at = np.flatnonzero(column.data == ord("\\"))
    at = at[column.ahead(at, 1) == ord("u")]
    second, third, fourth = (column.ahead(at, n) for n in (2, 3, 4))
    latin = (second == ord("0")) & (third == ord("0"))
    after_digit = (_before_backslashes(column, at) - np.uint8(ord("0"))) < np.uint8(10)
    wide = (latin & ((fourth | 0x20) == ord("a"))) | ((second == ord("2")) & (third == ord("0")))
    ascii_code = latin & (fourth >= ord("2")) & (fourth <= ord("7"))
    return column.rows(at[ascii_code | (wide & after_digit)])


def _before_backslashes(column: ByteColumn, at: Ints) -> Bytes:
    """The byte before the backslashes that end at each place; JSON within JSON has several."""
    for _ in range(_MAX_BACKSLASHES):
        at = at - ((at > 0) & (column.behind(at, 1) == ord("\\")))
    return column.behind(at, 1)


def with_secret_name(column: ByteColumn) -> Bools:
    """The texts in which `:` or `=` stands after the name of a secret."""
    signs = np.flatnonzero((column.data == ord(":")) | (column.data == ord("=")))
    at = np.maximum(signs - 1, 0)
    skipping = np.arange(len(at))
    for _ in range(_MAX_BETWEEN):
        skipping = skipping[_BETWEEN_NAME_AND_SIGN[column.data[at[skipping]]]]
        if not len(skipping):
            break
        at[skipping] = np.maximum(at[skipping] - 1, 0)
    last_two = (_small(column, at, 1).astype(np.int64) << 8) + _small(column, at, 0)
    kept = np.flatnonzero(_LAST_TWO[last_two])
    hits = np.zeros(len(column), bool)
    for ending in _ENDINGS:
        found = kept
        for n, char in enumerate(reversed(ending)):
            found = found[_small(column, at[found], n) == char]
        # "key" and "token" alone name no secret; with anything before them they may.
        alone = _QUOTES[column.behind(at[found], len(ending))] if ending in (b"key", b"token") else np.zeros(1, bool)
        hits[column.row(signs[found[~alone] if len(alone) == len(found) else found])] = True
    return hits


def _small(column: ByteColumn, places: Ints, n: int) -> Bytes:
    """The byte `n` before each place, letters made small."""
    return column.behind(places, n) | np.uint8(0x20)

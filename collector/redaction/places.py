"""How many places of one commit are looked at closely.

A text of nothing but e-mail addresses takes some microseconds for each of them, whatever the algorithm. Who sends more
than anybody writes is told to send less at a time; nothing is ever stored that was not looked at.
"""

from typing import Final

from collector.errors import TooLarge

MAX_PLACES: Final = 100_000
"""Candidates that a judge decides about, over all texts of a commit: about a second."""


class Places:
    """What is left of them."""

    def __init__(self, n_most: int = MAX_PLACES) -> None:
        self._n_most = n_most
        self._n_left = n_most

    def take(self, n: int = 1) -> None:
        """Count `n` more.

        Raises:
            TooLarge: if these are more than are looked at.
        """
        self._n_left -= n
        if self._n_left < 0:
            raise TooLarge(
                f"redaction would have to look at more than {self._n_most} places that may be keys, numbers or "
                "addresses of somebody; send fewer records in one request"
            )

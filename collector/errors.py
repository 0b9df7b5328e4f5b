"""What can go wrong, by whether a retry can help."""


class WatchkeeperError(Exception):
    """Base of the errors that are meant for a person: the text says what was wrong and what to do."""


class BadRequest(WatchkeeperError):
    """The input is wrong; sending it again cannot help."""


class TooLarge(BadRequest):
    """The input is over a stated limit."""


class UnsupportedQuery(BadRequest):
    """This store cannot answer the query; an empty answer would look true."""


class Unauthenticated(BadRequest):
    """Nobody is known by what the request shows; sending it again without a key that is valid cannot help."""


class Forbidden(BadRequest):
    """The key is known, and it may not do this."""


class TooManyRequests(WatchkeeperError):
    """More than was agreed with the holder of the key; the same request succeeds after `retry_after_s`."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreUnavailable(WatchkeeperError):
    """The store cannot take or answer this now; the same request may succeed later."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreMisconfigured(StoreUnavailable):
    """The store refuses until somebody changes something: an address, a password, a privilege, a version."""

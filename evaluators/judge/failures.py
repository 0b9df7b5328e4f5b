"""Why a judge gave no reply, by whether asking again can help."""

from collector.errors import WatchkeeperError


class JudgeError(WatchkeeperError):
    """`may_be_billed`: the provider may have done the work and charge for it, though no reply came."""

    def __init__(self, message: str, *, may_be_billed: bool = False) -> None:
        super().__init__(message)
        self.may_be_billed = may_be_billed


class JudgeUnavailable(JudgeError):
    """No reply now; the same request may be answered later."""


class JudgeMisconfigured(JudgeError):
    """No request will be answered until somebody changes the configuration."""


class JudgeRefused(JudgeError):
    """The server does not take this one request; the next may pass."""

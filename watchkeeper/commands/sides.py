"""Where one side of a check comes from: a file, or a range of a platform's calls."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.errors import WatchkeeperError
from watchkeeper.commands.answers import Answers, Shape
from watchkeeper.commands.reading_answers import checked_file, read_answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A running Watchkeeper, and which of its calls are meant."""

    url: str | None
    api_key: str | None
    project: str | None
    filters: Sequence[str]
    max_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """`name` is that of its options: --name, --name-since, --name-until. Times are as `watchkeeper export` takes them.

    Raises:
        WatchkeeperError: if a file and a range are given.
    """

    name: str
    file: str | None
    since: str | None
    until: str | None

    def __post_init__(self) -> None:
        if self.file is not None and (self.since is not None or self.until is not None):
            raise WatchkeeperError(f"--{self.name} and --{self.name}-since or -until: give the one or the other")

    @property
    def is_given(self) -> bool:
        return self.file is not None or self.since is not None or self.until is not None

    @property
    def title(self) -> str:
        return self.file or f"calls from {self.since or 'the beginning'} to {self.until or 'now'}"


def read_side(side: Side, shape: Shape, kind: str | None, platform: Platform) -> Answers:
    """
    Raises:
        WatchkeeperError: if it cannot be read, or holds no answer.
    """
    if side.file is not None:
        return read_answers(*checked_file(side.file, kind), shape)
    from watchkeeper.commands.fetching_answers import fetch_answers  # loads the REST API's questions, files need none

    return fetch_answers(side, shape, platform)

"""What a page is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dash.development.base_component import Component

from collector.query import Filters as CallFilters
from dashboard.filters import Filters, href
from dashboard.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One question to a page. `place` is what follows the page's path: the id of one trace.

    `now_ns` moves in steps, so that all who look within one step get the same answer.
    """

    services: Services
    filters: Filters
    now_ns: int
    path: str
    place: str = ""
    author: str

    @property
    def window(self) -> tuple[int, int]:
        return self.filters.window(self.now_ns)

    @property
    def calls(self) -> CallFilters:
        """The calls that the bar asks for."""
        return self.filters.shared().of_calls(self.now_ns)

    def here(self, **changes: Any) -> str:
        """The address of this page with `changes`."""
        return href(self.path, self.filters, **changes)

    def to(self, path: str, **own: Any) -> str:
        """The address of another page with the shared filters and some of its `own`."""
        return href(path, self.filters.shared(), **own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """`controls` join those of the bar."""

    title: str
    body: Sequence[Component]
    controls: Sequence[Component] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """How many items are open. `urgent` colours it."""

    n: int
    urgent: bool
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command did, in words, and the address to go on with; None: stay."""

    text: str
    href: str | None = None


Command = Callable[[Services, str, Mapping[str, Any]], Outcome]
"""(services, author, arguments) -> what it did. Raises WatchkeeperError: nothing was changed."""


def _no_badge(_services: Services) -> Badge | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`path` is an address, or the beginning of many where it ends with a slash.

    `in_range`: the bar's filters and range apply. `live`: it is asked again when there is something new.
    `shared`: everybody gets the same answer, so that it may be remembered.
    `slow`: it takes seconds, and what it shows is over: its answers wait for each other and for no other page.
    """

    name: str
    path: str
    title: str
    group: str | None
    answer: Callable[[View], Content]
    skeleton: Sequence[Component]
    in_range: bool = True
    live: bool = True
    shared: bool = True
    slow: bool = False
    charts: bool = False
    badge: Callable[[Services], Badge | None] = _no_badge
    commands: Mapping[str, Command] = field(default_factory=dict)

"""The pages there are: navigation shows these and no others."""

from dashboard.pages.alerts import ALERTS
from dashboard.pages.base import Page
from dashboard.pages.drift import DRIFT
from dashboard.pages.monitor import MONITOR
from dashboard.pages.monitor_form import MONITOR_EDIT, MONITOR_NEW
from dashboard.pages.monitor_replay import MONITOR_REPLAY
from dashboard.pages.overview import OVERVIEW
from dashboard.pages.redaction import REDACTION
from dashboard.pages.review import REVIEW
from dashboard.pages.system import SYSTEM
from dashboard.pages.trace import TRACE
from dashboard.pages.traces import TRACES

PAGES: tuple[Page, ...] = (
    OVERVIEW, TRACES, TRACE, DRIFT, MONITOR, MONITOR_NEW, MONITOR_EDIT, MONITOR_REPLAY, ALERTS, REVIEW, SYSTEM,
    REDACTION,
)  # fmt: skip


def find_page(path: str) -> tuple[Page, str]:
    """The page at an address, and what follows the page's path.

    Raises:
        KeyError: there is no such page.
    """
    for page in PAGES:
        if path == page.path:
            return page, ""
        if (
            page.path.endswith("/")
            and page.path != "/"
            and path.startswith(page.path)
            and "/" not in path[len(page.path) :]
        ):
            return page, path[len(page.path) :]
    raise KeyError(path)

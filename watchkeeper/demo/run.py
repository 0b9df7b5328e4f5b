"""The demo from start to end: normal traffic, the silent change, the verdict, the alarm, the webhook."""

import queue
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from collector.errors import WatchkeeperError
from evaluators.alerts.defaults import DEFAULT_RULES
from evaluators.alerts.receiver import WebhookReceiver, lines_of
from evaluators.alerts.rule import VerdictRule
from watchkeeper.demo.answers import LLMDRIFT_FILE, load
from watchkeeper.demo.process import Platform, start
from watchkeeper.demo.replay import Applications
from watchkeeper.demo.traffic import Turn, history, live

NORMAL_S = 45.0
ALARM_TIMEOUT_S = 120.0
SEED = 2023
_CHANGE = next(rule.name for rule in DEFAULT_RULES if isinstance(rule, VerdictRule))


@dataclass(slots=True)
class OnCall:
    """What reached the person on call, in the order of arrival."""

    notifications: "queue.Queue[Mapping[str, Any]]" = field(default_factory=queue.Queue)
    changed: set[str] = field(default_factory=set)
    """Services whose change was told."""

    def arrived(self) -> Iterator[Mapping[str, Any]]:
        while not self.notifications.empty():
            notification = self.notifications.get()
            for alert in notification["alerts"]:
                if alert["status"] == "firing" and alert["labels"]["alertname"] == _CHANGE:
                    self.changed.add(alert["labels"].get("service", ""))
            yield notification


def run(*, llmdrift: Path | None = None, keep: bool | None = None) -> None:
    """Replay the demo and stay until Ctrl-C (`keep`; None: where someone watches a terminal).

    Args:
        llmdrift: the recorded answers; None: those beside the checkout if they are there, else generated ones.

    Raises:
        WatchkeeperError: if the platform does not start, or the change was not told within three minutes.
    """
    keep = sys.stdout.isatty() if keep is None else keep
    console = Console()
    replay = load(llmdrift or _beside_the_checkout())
    console.print(f"[bold]Watchkeeper demo[/]: {replay.source}, as two applications: {', '.join(replay.exchanges)}.")
    on_call, secret, rng = OnCall(), secrets.token_urlsafe(32), random.Random(SEED)
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="watchkeeper-demo-")))
        webhook = parts.enter_context(WebhookReceiver(secret, on_call.notifications.put))
        progress = parts.enter_context(
            Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
        )
        task = progress.add_task("starting the platform", total=None)
        platform = start(folder, webhook_url=webhook.url, secret=secret)
        parts.callback(platform.stop)
        applications = Applications(platform.otlp_http, replay.exchanges)
        parts.callback(applications.close)
        progress.console.print(f"Open [link={platform.ui}]{platform.ui}[/link] to watch it live.")

        progress.update(task, description="replaying two hours of normal traffic")
        started_ns = time.time_ns()
        for turn in history(replay.exchanges, rng):
            applications.answer(turn, started_ns + round(turn.at_s * 1e9))
        applications.flush()
        progress.console.print(f"✓ two hours of normal traffic: {_n_calls(platform)} calls stored, scored as they come")

        progress.update(task, description=f"live traffic, nothing changed ({NORMAL_S:.0f} s)")
        normal = live(replay.exchanges, from_s=0.0, until_s=NORMAL_S, changed=False, rng=rng)
        _play(normal, applications, platform, on_call, progress.console)
        if on_call.changed:
            progress.console.print(
                "[yellow]an alarm before the change: a false one, of the share the guarantee allows[/]"
            )

        changed_s = time.monotonic()
        progress.console.print(
            "[bold]● now the models behind both names change, silently[/] (same names, same questions)"
        )
        progress.update(task, description="live traffic, changed models; waiting for the alarm")
        services = set(replay.exchanges)
        altered = live(replay.exchanges, from_s=0.0, until_s=ALARM_TIMEOUT_S, changed=True, rng=rng)
        _play(altered, applications, platform, on_call, progress.console, until_told=services)
        if not services <= on_call.changed:
            raise WatchkeeperError(
                f"no alarm for {', '.join(sorted(services - on_call.changed))} within {ALARM_TIMEOUT_S:.0f} s; "
                f"the platform's log ends:\n{platform.log.read_text()[-1500:]}"
            )
        progress.console.print(
            f"✓ both changes told {time.monotonic() - changed_s:.0f} s after they happened. "
            f"Look at {platform.ui}/drift for what changed, and why the alarm can be trusted."
        )
        if keep:
            progress.update(task, description="the traffic goes on; Ctrl-C stops the demo")
            try:
                while True:
                    more = live(replay.exchanges, from_s=0.0, until_s=60.0, changed=True, rng=rng)
                    _play(more, applications, platform, on_call, progress.console)
            except KeyboardInterrupt:
                progress.update(task, description="stopping")


def _beside_the_checkout() -> Path | None:
    path = Path(__file__).parents[3] / "shared" / "data" / LLMDRIFT_FILE
    return path if path.exists() else None


def _play(
    turns: Iterable[Turn],
    applications: Applications,
    platform: Platform,
    on_call: OnCall,
    console: Console,
    *,
    until_told: set[str] | None = None,
) -> None:
    """Send each turn when its time has come, print what reaches on call, end early when all of `until_told` did."""
    started_s = time.monotonic()
    for turn in turns:
        time.sleep(max(0.0, turn.at_s - (time.monotonic() - started_s)))
        if not platform.is_alive:
            raise WatchkeeperError(f"the platform ended; its log says:\n{platform.log.read_text()[-2000:]}")
        applications.answer(turn, time.time_ns())
        for notification in on_call.arrived():
            console.print(Panel("\n".join(lines_of(notification)), title="on call gets", border_style="red"))
        if until_told is not None and until_told <= on_call.changed:
            return


def _n_calls(platform: Platform) -> int:
    """How many calls the platform holds, as REST tells it."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 24 * 3600))
    answer = httpx.get(f"{platform.ui}/api/v1/timeseries", params={"metric": "requests", "since": since}, timeout=30)
    answer.raise_for_status()
    return sum(row["requests"] for row in answer.json()["items"])

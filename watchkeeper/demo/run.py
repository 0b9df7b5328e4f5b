"""The demo from start to end: normal traffic, the silent change, the verdict, the alarm, the webhook."""

import queue
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
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
from watchkeeper.demo.answers import LLMDRIFT_FILE, Replay, load
from watchkeeper.demo.process import Platform, start
from watchkeeper.demo.replay import Applications
from watchkeeper.demo.traffic import HISTORY_S, Turn, history, live

NORMAL_S = 45.0
ALARM_TIMEOUT_S = 120.0
SEED = 2023
_CHANGE = next(rule.name for rule in DEFAULT_RULES if isinstance(rule, VerdictRule))


def run(*, keep: bool | None = None) -> None:
    """Replay the demo and, with `keep` (None: where someone watches a terminal), go on until Ctrl-C.

    The answers are the recorded ones beside the checkout if they are there, else the generated ones of the package.

    Raises:
        WatchkeeperError: if the platform does not start, or a change was not told in time.
    """
    # Told to end, the demo ends in order too: it would leave a platform behind.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    replay = load(_beside_the_checkout())
    with _demo(replay) as demo:
        demo.show_normal_traffic()
        demo.show_change()
        if keep if keep is not None else sys.stdout.isatty():
            with suppress(KeyboardInterrupt):
                demo.go_on()


@dataclass(slots=True)
class OnCall:
    """What reached the person on call."""

    inbox: "queue.Queue[Mapping[str, Any]]" = field(default_factory=queue.Queue)
    told: set[str] = field(default_factory=set)
    """Services whose change was told."""

    def read(self) -> Iterator[Mapping[str, Any]]:
        """The notifications that came since the last time."""
        while not self.inbox.empty():
            notification = self.inbox.get()
            for alert in notification["alerts"]:
                if alert["status"] == "firing" and alert["labels"]["alertname"] == _CHANGE:
                    self.told.add(alert["labels"].get("service", ""))
            yield notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The running parts, and the acts of the play."""

    replay: Replay
    platform: Platform
    applications: Applications
    on_call: OnCall
    progress: Progress
    rng: random.Random

    def show_normal_traffic(self) -> None:
        """Minutes that are over, then some time of traffic as it comes."""
        minutes = f"{HISTORY_S / 60:.0f} minutes of normal traffic"
        self._doing(f"replaying {minutes}")
        now_ns = time.time_ns()
        for turn in history(self.replay.exchanges, self.rng):
            self.applications.answer(turn, now_ns + round(turn.at_s * 1e9))
        self.applications.flush()
        self._say(f"[green]✓[/] {minutes}: {_n_calls(self.platform.ui):,} calls are stored")
        self._doing(f"live traffic, nothing changed yet ({NORMAL_S:.0f} s)")
        self._play(self._turns(NORMAL_S, changed=False))

    def show_change(self) -> None:
        """The models change; wait until on call was told of both services."""
        self._say("[bold]● Now the models behind both names change, silently:[/] same names, same questions.")
        self._doing("live traffic, changed models; waiting for the alarm")
        started_s, false_alarms = time.monotonic(), frozenset(self.on_call.told)
        awaited = set(self.replay.exchanges) - false_alarms
        if false_alarms:
            # Its alert is open already, so that the real change does not page again: it proves nothing here.
            names = ", ".join(sorted(false_alarms))
            self._say(f"[yellow]{names} alarmed before any change: a false one, as the guarantee says there can be.[/]")
        for turn in self._turns(ALARM_TIMEOUT_S, changed=True):
            self._play([turn], started_s)
            if awaited <= self.on_call.told:
                break
        else:
            missing = ", ".join(sorted(awaited - self.on_call.told))
            raise WatchkeeperError(f"no alarm for {missing} within {ALARM_TIMEOUT_S:.0f} s{self._log()}")
        if not awaited:
            raise WatchkeeperError("every service alarmed before the change, so nothing could be shown; start again")
        self._say(
            f"[green]✓[/] on call knows of the changes of {' and '.join(sorted(awaited))} "
            f"{time.monotonic() - started_s:.0f} s after they happened. "
            f"What changed, and why the alarm can be trusted: {self.platform.ui}/drift"
        )

    def go_on(self) -> None:
        """More of the same, for whoever looks around, until interrupted."""
        self._doing("the traffic goes on; Ctrl-C ends the demo")
        while True:
            self._play(self._turns(60.0, changed=True))

    def _turns(self, until_s: float, *, changed: bool) -> Iterator[Turn]:
        return live(self.replay.exchanges, from_s=0.0, until_s=until_s, changed=changed, rng=self.rng)

    def _play(self, turns: Iterable[Turn], started_s: float | None = None) -> None:
        """Send each turn when its time has come, and print what reaches on call."""
        started_s = time.monotonic() if started_s is None else started_s
        for turn in turns:
            time.sleep(max(0.0, turn.at_s - (time.monotonic() - started_s)))
            if not self.platform.is_alive:
                raise WatchkeeperError(f"the platform ended{self._log()}")
            self.applications.answer(turn, time.time_ns())
            for notification in self.on_call.read():
                self._say(Panel("\n".join(lines_of(notification)), title="on call gets", border_style="red"))

    def _doing(self, what: str) -> None:
        self.progress.update(self.progress.task_ids[0], description=what)

    def _say(self, what: str | Panel) -> None:
        self.progress.console.print(what)

    def _log(self) -> str:
        return f"; its log ends:\n{self.platform.log.read_text()[-2000:]}"


@contextmanager
def _demo(replay: Replay) -> Iterator[Demo]:
    """Everything started, and stopped in the reverse order."""
    on_call, secret = OnCall(), secrets.token_urlsafe(32)
    console = Console()
    console.print(f"[bold]Watchkeeper demo:[/] {replay.source}, as two applications: {', '.join(replay.exchanges)}.")
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="watchkeeper-demo-")))
        webhook = parts.enter_context(WebhookReceiver(secret, on_call.inbox.put))
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        progress = parts.enter_context(Progress(*columns, console=console))
        progress.add_task("starting the platform", total=None)
        platform = start(folder, webhook_url=webhook.url, secret=secret)
        parts.callback(platform.stop)
        applications = Applications(platform.otlp_http, replay.exchanges)
        parts.callback(applications.close)
        address = f"{platform.ui}/?range=15m"
        console.print(f"Open [link={address}]{address}[/link] to watch it live.")
        yield Demo(
            replay=replay,
            platform=platform,
            applications=applications,
            on_call=on_call,
            progress=progress,
            rng=random.Random(SEED),
        )


def _beside_the_checkout() -> Path | None:
    path = Path(__file__).parents[3] / "shared" / "data" / LLMDRIFT_FILE
    return path if path.exists() else None


def _n_calls(ui_url: str) -> int:
    """How many calls the platform holds, as REST tells it."""
    answer = httpx.get(f"{ui_url}/api/v1/timeseries", params={"metric": "requests"}, timeout=30)
    answer.raise_for_status()
    return sum(row["requests"] for row in answer.json()["items"])

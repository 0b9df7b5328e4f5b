"""The platform as a process of its own, configured for the demo."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from collector.errors import WatchkeeperError

_PORTS = {"port": 8600, "otlp-http-port": 4318, "otlp-grpc-port": 4317}
_STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A running `watchkeeper up` and where it listens; what it says is in `log`."""

    process: subprocess.Popen[str]
    ui: str
    otlp_http: str
    log: Path

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(folder: Path, *, webhook_url: str, secret: str) -> Platform:
    """Start the platform with its data in `folder`, on the usual ports where they are free.

    Raises:
        WatchkeeperError: if it ends before it is ready.
    """
    ports = {name: port if _is_free(port) else 0 for name, port in _PORTS.items()}
    config, log = folder / "watchkeeper.toml", folder / "watchkeeper.log"
    config.write_text(_configuration(webhook_url, secret, _chosen(ports["port"])))
    command = [sys.executable, "-m", "watchkeeper", "up", "--config", str(config), "--data-dir", str(folder / "data")]
    command += [word for name, port in ports.items() for word in (f"--{name}", str(port))]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WATCHKEEPER_")}
    with log.open("w") as errors:
        # A session of its own: Ctrl-C in the terminal is for the demo, which then stops the platform in order.
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, start_new_session=True
        )
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        process.wait()
        raise WatchkeeperError(f"the platform did not start; its log says:\n{log.read_text()[-2000:]}")
    ready = json.loads(line)
    return Platform(process=process, ui=ready["ui"], otlp_http=ready["otlp_http"], log=log)


def _configuration(webhook_url: str, secret: str, ui_url: str | None) -> str:
    """All is looked at more often than in production, so that a demo takes minutes.

    Few windows pass before the change, but at the usual level of 1 % one of them would alarm in every 17th demo.
    """
    base_url = f'base_url = "{ui_url}"\n' if ui_url else ""
    return (
        "[evaluators.drift]\ninterval_s = 2\nalpha = 0.001\n"
        "[evaluators.alerts]\ninterval_s = 2\n" + base_url + "[[evaluators.alerts.receivers]]\n"
        f'name = "on-call"\nurl = "{webhook_url}"\nsecret = "{secret}"\n'
        "[evaluators.review]\nrandom_share = 0.05\n"
    )


def _chosen(port: int) -> str | None:
    return f"http://127.0.0.1:{port}" if port else None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

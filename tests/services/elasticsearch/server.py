"""A real Elasticsearch on loopback, which tests may stop, freeze, kill and start again on its data."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.services.elasticsearch.distribution import unpacked

START_WITHIN_S = 120.0
NOBODY = 65534
"""Elasticsearch refuses to run as root."""

_SETTINGS = {
    "cluster.name": "watchkeeper-tests",
    "network.host": "127.0.0.1",
    "discovery.type": "single-node",
    "node.processors": "2",
    "xpack.security.enabled": "false",
    # How full this machine's disk is must not decide a test; those about a full disk set the block themselves.
    "cluster.routing.allocation.disk.threshold_enabled": "false",
}


class ElasticsearchServer:
    """One node with its data, configuration and logs in `folder`. The port stays the same through restarts."""

    def __init__(
        self,
        folder: Path,
        *,
        heap_mb: int = 512,
        settings: Mapping[str, str] | None = None,
        password: str | None = None,
        brief: bool = True,
    ) -> None:
        """
        Args:
            settings: of elasticsearch.yml, besides or instead of those every test server has.
            brief: it lives for minutes, so that what the second compiler gains comes too late.
            password: that of `elastic`; with one, the server asks everybody who they are.
        """
        self.folder = folder
        self.password = password
        self.port, transport_port = _free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self._home = unpacked()
        self._heap_mb = heap_mb
        self._brief = brief
        self._process: subprocess.Popen[bytes] | None = None
        ports = {"http.port": str(self.port), "transport.port": str(transport_port)}
        paths = {"path.data": str(folder / "data"), "path.logs": str(folder / "logs")}
        secured = {"xpack.security.enabled": "true"} if password else {}
        self._configure(_SETTINGS | ports | paths | secured | dict(settings or {}))

    def _configure(self, settings: Mapping[str, str]) -> None:
        config = self.folder / "config"
        for name in ("data", "logs", "tmp", "config/jvm.options.d"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("log4j2.properties", "roles.yml", "users", "users_roles", "role_mapping.yml"):
            shutil.copyfile(self._home / "config" / name, config / name)
        (config / "elasticsearch.yml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
        # Without a folder for temporary files of its own, its entitlements forbid a configuration below /tmp.
        machine = "-XX:+UseSerialGC\n-XX:TieredStopAtLevel=1\n" if self._brief else "-XX:+UseG1GC\n"
        (config / "jvm.options").write_text(f"{machine}-Djava.io.tmpdir={self.folder / 'tmp'}\n")
        heap = f"-Xms{self._heap_mb}m\n-Xmx{self._heap_mb}m\n"
        (config / "jvm.options.d" / "heap.options").write_text(heap)
        self._own()
        if self.password:
            self._tool("elasticsearch-keystore", "add", "-x", "-f", "bootstrap.password", stdin=self.password)

    def add_user(self, name: str, password: str, role: str, definition: str) -> None:
        """A user with one role of roles.yml (`definition`: its YAML); before the start."""
        with (self.folder / "config" / "roles.yml").open("a") as roles:
            roles.write(f"{role}:\n{definition}\n")
        self._tool("elasticsearch-users", "useradd", name, "-p", password, "-r", role)
        self._own()

    def start(self) -> None:
        """Start it and wait till it answers.

        Raises:
            RuntimeError: if it ends or does not answer in time.
        """
        log_file = (self.folder / "logs" / "stdout.log").open("ab")
        with log_file:
            self._process = subprocess.Popen(
                [*_as_nobody(), str(self._home / "bin" / "elasticsearch")],
                stdout=log_file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=self._environment(),
                start_new_session=True,
            )  # fmt: skip
        deadline_s = time.monotonic() + START_WITHIN_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self.kill()
                raise RuntimeError(f"Elasticsearch did not start: {self.logged()[-3000:]}")
            time.sleep(0.2)

    def answers(self) -> bool:
        """Whether the cluster has all its shards; with security on, whether it asks for the password."""
        request = urllib.request.Request(f"{self.url}/_cluster/health")
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                return bool(json.load(answer)["status"] in ("green", "yellow"))
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False

    def stop(self) -> None:
        """End it as an operator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def logged(self) -> str:
        return (self.folder / "logs" / "stdout.log").read_text(errors="replace")

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._signal(signal.SIGCONT)
            self._signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait(30)
        self._process = None

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, which)

    def _own(self) -> None:
        """Give the folder to the user that the server runs as."""
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(self.folder)], check=True)

    def _tool(self, name: str, *arguments: str, stdin: str = "") -> None:
        command = [*_as_nobody(), str(self._home / "bin" / name), *arguments]
        done = subprocess.run(command, input=stdin.encode(), env=self._environment(), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} failed: {(done.stdout + done.stderr).decode(errors='replace')[-1000:]}")

    def _environment(self) -> dict[str, str]:
        java = os.environ.get("ES_JAVA_HOME") or _java_home()
        own = {"ES_JAVA_HOME": java, "ES_PATH_CONF": str(self.folder / "config"), "ES_TMPDIR": str(self.folder / "tmp")}
        return os.environ | own | {"CLI_JAVA_OPTS": "-Xmx64m -XX:TieredStopAtLevel=1"}


def _java_home() -> str:
    java = shutil.which("java")
    if java is None:
        raise RuntimeError("Elasticsearch needs Java 17 or newer, which is not installed; `make test` installs it")
    return str(Path(java).resolve().parent.parent)


def _as_nobody() -> list[str]:
    """How to run something as a user that is not root, and end it when we are killed."""
    command = ["setpriv", "--pdeathsig", "TERM"]
    if os.geteuid() == 0:
        command += [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return command


def _free_ports(n: int) -> list[int]:
    with contextlib.ExitStack() as open_sockets:
        found = [open_sockets.enter_context(socket.socket()) for _ in range(n)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in found]

"""A real PostgreSQL of Debian's package in a folder of its own, on a free port of loopback and a Unix socket."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

USER, PASSWORD = "watchkeeper", "a password that must not be shown"
START_TIMEOUT_S = 60
_INSTALLED = Path("/usr/lib/postgresql")


def binaries() -> Path:
    """The folder of `initdb` and `postgres`, of the newest version that is installed.

    Raises:
        FileNotFoundError: if none is.
    """
    found = sorted(_INSTALLED.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed; `make system-packages` does it")
    return found[-1].parent


@dataclass
class PostgreSQL:
    """Not fsynced: these tests kill its clients, not the machine. It refuses to run as root, so root steps down."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="watchkeeper-pg-")))
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        data = self.folder / "data"
        if not data.exists():
            self._make(data)
        with (self.folder / "log").open("ab") as log:
            command = [str(binaries() / "postgres"), "-D", str(data), "-p", str(self.port), "-k", str(self.folder)]
            settings = ("listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off", "max_connections=200",
                        "shared_buffers=32MB", "autovacuum=off")  # fmt: skip
            options = [word for setting in settings for word in ("-c", setting)]
            self.process = subprocess.Popen(
                [*command, *options], stdout=log, stderr=log, preexec_fn=_step_down(), cwd=self.folder
            )
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline_s:
                    raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}") from None
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends its sessions and itself."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, *, user: str = USER, password: str = PASSWORD, port: int | None = None) -> str:
        words = password.replace(" ", "%20")
        return f"postgresql://{user}:{words}@127.0.0.1:{port or self.port}/{database}"

    def run(self, *statements: str) -> None:
        """As its superuser, outside of transactions."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = f"state_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def _make(self, data: Path) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if os.getuid() == 0:
            owner = pwd.getpwnam("nobody")
            for path in (self.folder, password):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self.folder.chmod(0o755)
        subprocess.run(
            [str(binaries() / "initdb"), "-D", str(data), "-U", USER, "--pwfile", str(password), "-E", "UTF8",
             "-A", "scram-sha-256", "--locale", "C.UTF-8", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, preexec_fn=_step_down(), cwd=self.folder,
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]


def _step_down() -> Callable[[], None] | None:
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")

    def step_down() -> None:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)

    return step_down

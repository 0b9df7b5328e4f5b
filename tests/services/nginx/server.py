"""A real nginx on loopback that runs `deploy/nginx/watchkeeper.conf`, with addresses of the test's own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CONFIGURATION = Path(__file__).parents[3] / "deploy" / "nginx" / "watchkeeper.conf"
START_WITHIN_S = 30.0

_MAIN = """daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    {paths}
    include {folder}/watchkeeper.conf;
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def configuration(addresses: Mapping[str, str]) -> str:
    """The file that is deployed, with each text of `addresses` replaced.

    Raises:
        ValueError: if it holds one of them not once.
    """
    text = CONFIGURATION.read_text()
    for theirs, ours in addresses.items():
        if text.count(theirs) != 1:
            raise ValueError(f"{CONFIGURATION} holds {theirs!r} {text.count(theirs)} times")
        text = text.replace(theirs, ours)
    return text


@contextmanager
def nginx(collectors: Mapping[str, tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Run it until the end of the block; the ports (HTTP, gRPC) that it listens on.

    Args:
        collectors: ports (HTTP, gRPC) on loopback, by the host name that stands in the file.
    Raises:
        FileNotFoundError: if nginx is not installed.
    """
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise FileNotFoundError("nginx is not installed; `make system-packages` does it")
    http_port, grpc_port = free_ports(2)
    addresses = {
        "listen 4318;": f"listen 127.0.0.1:{http_port};",
        "listen 4317 http2;": f"listen 127.0.0.1:{grpc_port} http2;",
    }
    for host, (http, grpc) in collectors.items():
        addresses |= {
            f"server {host}:4318 ": f"server 127.0.0.1:{http} ",
            f"server {host}:4317 ": f"server 127.0.0.1:{grpc} ",
        }
    with tempfile.TemporaryDirectory(prefix="watchkeeper-nginx-") as name:
        folder = Path(name)
        (folder / "watchkeeper.conf").write_text(configuration(addresses))
        paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMPORARY)
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, paths=paths, user=user))
        process = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])
        try:
            _wait_for(process, (http_port, grpc_port), folder / "error.log")
            yield http_port, grpc_port
        finally:
            process.terminate()
            process.wait(30)


def free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _wait_for(process: subprocess.Popen[bytes], ports: tuple[int, int], errors: Path) -> None:
    deadline_s = time.monotonic() + START_WITHIN_S
    for port in ports:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=2).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline_s:
                    raise RuntimeError(f"nginx did not start: {errors.read_text()}") from None
                time.sleep(0.05)

"""Try a built wheel as its users will: install it, start it from another folder, ask it how it is.

usage: check_wheel.py WHEEL

The dependencies come from the environment this runs in; the package itself only from the wheel.
"""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
import venv
import zipfile
from pathlib import Path

PACKAGES = {"collector", "evaluators", "dashboard", "serving", "watchkeeper"}
START_TIMEOUT_S = 120.0


def check_contents(wheel: Path) -> None:
    """The wheel holds every file of the packages that git tracks, and nothing else."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], capture_output=True, text=True, check=True).stdout.split()
    if names != set(tracked):
        sys.exit(f"{wheel.name}: missing {sorted(set(tracked) - names)}, unexpected {sorted(names - set(tracked))}")


def check_start(wheel: Path, folder: Path) -> None:
    """`watchkeeper up` from the wheel answers, and stops when it is told to."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel.resolve()], check=True)
    # A .pth file inside a folder that a .pth file names is not read, so an editable install there stays unseen.
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    command = [folder / "venv/bin/watchkeeper", "up", "--data-dir", folder / "data", "--port", "0"]
    command += ["--otlp-http-port", "0", "--otlp-grpc-port", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment)
    watchdog = subprocess.Popen(
        ["sh", "-c", f"sleep {START_TIMEOUT_S:g}; kill -9 {process.pid}"], start_new_session=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            sys.exit(f"{wheel.name}: watchkeeper up ended or did not get ready within {START_TIMEOUT_S:g} s")
        ready = json.loads(line)
        for path in ("/healthz", "/readyz", "/", "/api/v1/calls", "/metrics"):
            with urllib.request.urlopen(ready["ui"].rstrip("/") + path, timeout=30) as answer:
                print(f"{answer.status} {path}")
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=60)
        os.killpg(watchdog.pid, signal.SIGKILL)
    if status != 0:
        sys.exit(f"{wheel.name}: watchkeeper up ended with {status} after SIGTERM")


def main() -> None:
    wheel = Path(sys.argv[1])
    check_contents(wheel)
    with tempfile.TemporaryDirectory() as folder:
        check_start(wheel, Path(folder))
    print(f"{wheel.name}: installs and runs")


if __name__ == "__main__":
    main()

"""The commands of `watchkeeper` in processes of their own, forked from one that has imported what they need.

To import it takes a process one to two seconds, as long as most of these tests. Everything else is as on the command
line: arguments, folder, environment, output and exit status.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["watchkeeper.__main__", "watchkeeper.up", "watchkeeper.commands.keys"])


def run(
    arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """`watchkeeper` with `arguments`, when it has ended by itself.

    Raises:
        subprocess.TimeoutExpired: if it has not after `timeout_s`; it is killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "stdout"), Path(folder, "stderr")
        process = _context.Process(target=_command, args=(list(arguments), cwd, dict(environment), out, err))
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(arguments), timeout_s, out.read_text(), err.read_text())
        return subprocess.CompletedProcess(list(arguments), process.exitcode, out.read_text(), err.read_text())


def _command(arguments: list[str], cwd: Path, environment: dict[str, str], out: Path, err: Path) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):  # standard input is empty already
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    sys.argv = ["watchkeeper", *arguments]
    from watchkeeper.__main__ import main

    main()

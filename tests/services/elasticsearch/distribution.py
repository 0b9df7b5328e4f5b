"""Elastic's own test distribution, from Maven Central, unpacked once for all who test with it."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

VERSION = os.environ.get("WATCHKEEPER_TEST_ELASTICSEARCH", "8.19.21")
_ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch:{}:zip"


def unpacked(version: str = VERSION) -> Path:
    """The folder of the server `version`; it is fetched and unpacked if it is not there.

    Raises:
        RuntimeError: if Maven cannot fetch it.
    """
    cache = cache_folder()
    home = cache / f"elasticsearch-{version}"
    if home.exists():
        return home
    cache.mkdir(parents=True, exist_ok=True)
    archive = cache / f"elasticsearch-{version}.zip"
    if not archive.exists():
        _fetch(version, cache)
    draft = cache / f"draft-{os.getpid()}"
    try:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(draft)
        for script in (draft / home.name / "bin").iterdir():
            script.chmod(0o755)  # zipfile forgets who may execute what
        (draft / home.name).rename(home)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return home


def cache_folder() -> Path:
    """Where zip and server stay between test runs. Root's own folder is closed to the user that the server runs as."""
    if given := os.environ.get("WATCHKEEPER_CACHE"):
        return Path(given)
    return Path("/var/cache/watchkeeper") if os.geteuid() == 0 else Path.home() / ".cache" / "watchkeeper"


def _fetch(version: str, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise RuntimeError("Elasticsearch is fetched by Maven, which is not installed; `make test` installs it")
    command = [maven, "--quiet", "--batch-mode", "dependency:copy", f"-Dartifact={_ARTIFACT.format(version)}"]
    done = subprocess.run([*command, f"-DoutputDirectory={folder}"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Maven could not fetch Elasticsearch {version}: {done.stdout[-2000:]}{done.stderr[-500:]}")

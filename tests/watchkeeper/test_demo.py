"""The demo as a person runs it, to its end."""

import subprocess
from collections.abc import Callable

import pytest


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_change_reaches_on_call_within_three_minutes(watchkeeper: Callable[..., list[str]]) -> None:
    result = subprocess.run(watchkeeper("demo"), capture_output=True, text=True, timeout=180, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "real answers of GPT-4" in result.stdout
    for service in ("survey", "tutor"):
        assert f"in {service} changed" in " ".join(result.stdout.replace("│", " ").split())

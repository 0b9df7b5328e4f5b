"""What is set wrongly stops the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from serving.config import ServingConfig

HERE = Path()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_allowed(host: str) -> None:
    assert ServingConfig(model_path=HERE, host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_any_other_address_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="loopback only"):
        ServingConfig(model_path=HERE, host=host)


def test_an_unknown_key_or_a_bad_endpoint_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        ServingConfig.model_validate({"model_path": HERE, "modle_name": "x"})
    with pytest.raises(ValidationError, match="otlp_endpoint"):
        ServingConfig(model_path=HERE, otlp_endpoint="localhost:4318")


def test_the_environment_is_prepared_before_torch_and_too_late_is_an_error() -> None:
    program = (
        "import os, sys\n"
        "from serving.server import prepare_environment\n"
        "assert 'torch' not in sys.modules\n"
        "prepare_environment()\n"
        "assert os.environ['OMP_WAIT_POLICY'] == 'passive'\n"
        "del os.environ['OMP_WAIT_POLICY']\n"
        "sys.modules['torch'] = sys\n"
        "prepare_environment()\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert "torch was imported before the server" in ended.stderr

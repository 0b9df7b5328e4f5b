"""Alerting alone, as a process that a test can kill: alerting_process.py DATA_DIR URL SECRET."""

import sys
import time
from pathlib import Path

from collector.state import open_state, state_url
from collector.store import open_store
from evaluators.alerts import AlertsConfig, AlertService

data_dir, url, secret = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
config = AlertsConfig.model_validate(
    {"interval_s": 0.2, "receivers": [{"name": "oncall", "url": url, "secret": secret}]}
)
AlertService(open_state(state_url(data_dir)), open_store(data_dir), config).start()
time.sleep(120)

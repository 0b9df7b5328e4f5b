"""Alerting alone, as a process that a test can kill: alerting_process.py STATE_URL DATA_DIR URL SECRET."""

import sys
import time
from pathlib import Path

from collector.state import open_state
from collector.store import open_store
from evaluators.alerts import AlertsConfig, AlertService

state, data_dir, url, secret = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
config = AlertsConfig.model_validate(
    {"interval_s": 0.2, "receivers": [{"name": "oncall", "url": url, "secret": secret}]}
)
AlertService(open_state(state), open_store(data_dir), config).start()
time.sleep(120)

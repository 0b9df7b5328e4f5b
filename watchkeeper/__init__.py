"""The command line and the all-in-one process: the only place that joins the parts."""

import os

# Drift tests multiply many small matrices: threads gain nothing there, and take the cores from ingest while they wait
# for each other. This must stand before numpy is loaded; whoever sets it knows better.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

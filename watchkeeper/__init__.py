"""The command line and the all-in-one process: the only place that joins the parts."""

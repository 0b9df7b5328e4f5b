"""The three kinds of telemetry that OTLP carries."""

from typing import Literal, get_args

Signal = Literal["traces", "logs", "metrics"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)

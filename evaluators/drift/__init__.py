"""Finds changed behaviour and says how sure it is."""

from collector.verdict import Effect
from evaluators.drift.compare import compare
from evaluators.drift.comparison import Comparison, WindowTest
from evaluators.drift.decide import decide
from evaluators.drift.effects import effects
from evaluators.drift.sessions import one_per_session
from evaluators.drift.windows.permutation import DriftTest
from evaluators.drift.windows.rows import Rows
from evaluators.drift.windows.statistics import drift_test

__all__ = [
    "Comparison",
    "DriftTest",
    "Effect",
    "Rows",
    "WindowTest",
    "compare",
    "decide",
    "drift_test",
    "effects",
    "one_per_session",
]

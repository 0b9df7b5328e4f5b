"""Finds changed behaviour and says how sure it is."""

from collector.verdict import Effect
from evaluators.drift.compare import compare
from evaluators.drift.decide import Comparison, decide
from evaluators.drift.effects import effects
from evaluators.drift.permutation import DriftTest, drift_test
from evaluators.drift.windows import one_per_session

__all__ = ["Comparison", "DriftTest", "Effect", "compare", "decide", "drift_test", "effects", "one_per_session"]

"""A comparison as `compare` gives it, to look at."""

from typing import Any

from collector.verdict import Effect
from evaluators.drift.comparison import Cluster, Comparison, PromptPair, WindowTest


def an_effect(behaviour: str = "words", **fields: Any) -> Effect:
    given = {"title": f"Title of {behaviour}", "d": 0.5, "low": 0.2, "high": 0.8, "reference_mean": 40.0}
    return Effect(behaviour=behaviour, **(given | {"current_mean": 61.5} | fields))


def a_test(name: str = "model", **fields: Any) -> WindowTest:
    given = {
        "statistic": 188.4,
        "p_value": 0.005,
        "n_reference": 200,
        "n_current": 120,
        "guarantee": "Exact, since ...",
    }
    return WindowTest(name=name, **(given | fields))


def a_cluster(*words: str, **fields: Any) -> Cluster:
    given = {"share_before": 0.42, "share_after": 0.31, "n_before": 84, "n_after": 37, "is_new": False}
    return Cluster(words=words, **(given | {"statistic": 12.3, "p_value": 0.01} | fields))


def a_pair(before: str, after: str, *, prompt_before: str = "Why?", prompt_after: str = "Why?") -> PromptPair:
    return PromptPair(
        row_before=3, row_after=7, prompt_before=prompt_before, prompt_after=prompt_after, before=before, after=after
    )


def a_comparison(**fields: Any) -> Comparison:
    """A changed model, with something in every part."""
    given = {
        "verdict": "model_changed",
        "p_value": 0.01,
        "alpha": 0.05,
        "n_reference": 200,
        "n_current": 120,
        "tests": {"model": a_test(), "input": a_test("input", p_value=0.41)},
        "effects": {"words": an_effect(), "bold": an_effect("bold", d=0.1, low=-0.2, high=0.4)},
        "explanation": "Answers of the model changed: 61 % longer.",
        "guarantee": "At most 5 false alarms in 100 windows in which nothing changed",
        "clusters": (a_cluster("prime", "number"), a_cluster("refund", is_new=True, statistic=None, p_value=None)),
        "pairs": (a_pair("Press the red button.", "Press the green button."),),
        "notes": ("3 answers without a text were left out",),
    }
    return Comparison(**(given | fields))


def no_data() -> Comparison:
    return a_comparison(
        verdict="not_enough_data", p_value=None, tests={}, effects={}, clusters=(), pairs=(), notes=(),
        explanation="Not enough data on the model: 7 more answers are missing.",
    )  # fmt: skip

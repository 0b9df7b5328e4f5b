"""Several tests, one level: which claims a comparison may make."""

from collections.abc import Mapping

WEIGHTS: Mapping[str, float] = {"model": 6.0, "output": 6.0, "input": 2.0, "quality": 2.0, "retrieval": 1.0}
"""How the level is divided among the claims of a comparison: most goes to what the product exists for."""


def claimed(tests: Mapping[str, float]) -> tuple[str, ...]:
    """The tests whose rejection is a claim. That answers differ is none where their prompts are known: the question is
    then whether they differ more than the prompts explain."""
    return tuple(name for name in tests if name in WEIGHTS and not (name == "output" and "model" in tests))


def adjusted_p_values(p_values: Mapping[str, float]) -> dict[str, float]:
    """The claims of these tests with p-values that may be read side by side.

    P(any claim of something unchanged has an adjusted p <= a) <= a, however the tests depend on each other, by Holm's
    procedure with weights.
    Source: Holm (1979), section 4.
    """
    names = sorted(claimed(p_values), key=lambda name: p_values[name] / WEIGHTS[name])
    left = sum(WEIGHTS[name] for name in names)
    adjusted: dict[str, float] = {}
    largest = 0.0
    for name in names:
        largest = max(largest, min(1.0, p_values[name] * left / WEIGHTS[name]))
        adjusted[name] = largest
        left -= WEIGHTS[name]
    return adjusted

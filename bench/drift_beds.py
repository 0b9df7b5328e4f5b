"""Real answers as rows, for the benches of drift: computed once, drawn from often."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from metrics import read_rows
from numpy.typing import NDArray

from evaluators.drift import Rows
from evaluators.drift.about import about
from evaluators.drift.windows.clusters import cluster
from evaluators.drift.windows.prompts import principal
from evaluators.features import feature_rows

Places = NDArray[np.int64]

MARCH_TO_JUNE = (
    ("opinionqa", "gpt-4-0314", "gpt-4-0613"),
    ("prime_full", "gpt-4-0314", "gpt-4-0613"),
    ("prime_full", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
    ("sensitiveq", "gpt-4-0314", "gpt-4-0613"),
    ("leetcode_easy", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
)
FINE_TUNES = ("Llama-3-8B-OpenHermes-243K", "Llama-3-8B-Tulu-330K", "Llama-3-8B-WildChat")
SAMPLED_AND_GREEDY = ("Qwen1.5-72B-Chat", "Qwen1.5-72B-Chat-greedy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """Answers of one or several models; `prompts` names the prompt of each row, so that no draw repeats one."""

    name: str
    rows: Rows
    models: NDArray[np.str_]
    tasks: NDArray[np.str_]
    prompts: NDArray[np.str_]

    def of(self, model: str, task: str | None = None) -> Places:
        return np.flatnonzero((self.models == model) & ((self.tasks == task) if task else True))

    def of_model(self, places: Places, model: str) -> Places:
        """The answers of `model` to the prompts of `places`."""
        own = {(task, prompt): i for i, (task, prompt, m) in enumerate(self._keys()) if m == model}
        return np.array([own[self.tasks[i], self.prompts[i]] for i in places.tolist()])

    def _keys(self) -> Sequence[tuple[str, str, str]]:
        return list(zip(self.tasks.tolist(), self.prompts.tolist(), self.models.tolist(), strict=True))


@cache
def llmdrift() -> Bed:
    return _bed("LLMDrift", read_rows("drift-llmdrift"), has_prompts=True)


@cache
def wildbench() -> Bed:
    """Without prompts: they are not part of the data. `scores` are those of a judge, 1 to 10."""
    return _bed("WildBench", read_rows("drift-wildbench"), has_prompts=False)


@cache
def halueval() -> Bed:
    """ChatGPT's answers to 2,000 questions of all kinds."""
    first: dict[str, dict[str, Any]] = {}
    for row in read_rows("halueval_general"):
        first.setdefault(row["question"], row)
    rows = [
        {"prompt": question, "output": row["response"], "id": question, "model": "ChatGPT", "task": "open", "meta": {}}
        for question, row in first.items()
    ]
    return _bed("HaluEval", rows, has_prompts=True)


def _bed(name: str, rows: Sequence[Mapping[str, Any]], *, has_prompts: bool) -> Bed:
    scores = np.array([_number(row["meta"].get("score")) for row in rows])
    made = Rows(
        behaviours=feature_rows(row["output"] for row in rows), scores=scores if np.isfinite(scores).any() else None
    )
    if has_prompts:
        texts = sorted({row["prompt"] for row in rows})
        place = {text: i for i, text in enumerate(texts)}
        order = [place[row["prompt"]] for row in rows]
        topics, _, note = about(texts[:4_000], [])
        if note:
            raise RuntimeError(note)
        made = replace(made, prompts=feature_rows(texts)[order], topics=topics[order])
    return Bed(
        name=name,
        rows=made,
        models=np.array([row["model"] for row in rows]),
        tasks=np.array([row["task"] for row in rows]),
        prompts=np.array([str(row["prompt"] or row["id"]) for row in rows]),
    )


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


@cache
def topics_of_halueval() -> Places:
    """Groups of questions by what they are about."""
    topics = halueval().rows.topics
    assert topics is not None
    return cluster(principal(topics), rng=np.random.default_rng(0))


Draw = Callable[[np.random.Generator], tuple[Places, Places]]
"""Places of the reference and of the window, which share no prompt."""


def mixed(first: Places, second: Places, *, before: float, after: float, n: int, m: int) -> Draw:
    """`before` and `after` are the shares of the first group on each side."""

    def draw(rng: np.random.Generator) -> tuple[Places, Places]:
        one, two = rng.permutation(first), rng.permutation(second)
        n_one, m_one = round(n * before), round(m * after)
        n_two, m_two = n - n_one, m - m_one
        reference = np.concatenate((one[:n_one], two[:n_two]))
        return reference, np.concatenate((one[n_one : n_one + m_one], two[n_two : n_two + m_two]))

    return draw


def split(places: Places, n: int, m: int) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[Places, Places]:
        drawn = rng.permutation(places)
        return drawn[:n], drawn[n : n + m]

    return draw


def same_prompts(places: Places, n: int) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[Places, Places]:
        drawn = rng.permutation(places)[:n]
        return drawn, drawn

    return draw

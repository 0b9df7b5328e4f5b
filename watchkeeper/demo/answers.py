"""What the demo replays: the same questions, answered by the model before and after its silent change."""

import gzip
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from collector.errors import WatchkeeperError

# service: (task in LLMDrift, name in the API, version of March 2023, version of June 2023)
_LLMDRIFT = {
    "survey": ("opinionqa", "gpt-4", "gpt-4-0314", "gpt-4-0613"),
    "tutor": ("prime_full", "gpt-3.5-turbo", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
}
LLMDRIFT_FILE = "drift-llmdrift.jsonl.gz"
GENERATED_FILE = "generated-answers.jsonl.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question to `model` with its two answers; `document` is what the application looked up for it, if it did."""

    model: str
    prompt: str
    before: str
    after: str
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Exchanges by service, and in words where they are from."""

    exchanges: Mapping[str, Sequence[Exchange]]
    source: str


def load(llmdrift: Path | None) -> Replay:
    """The recorded answers in `llmdrift`, or with None the generated ones of the package.

    Raises:
        WatchkeeperError: if the file cannot be read.
    """
    if llmdrift is None:
        raw = gzip.decompress(files("watchkeeper.demo").joinpath(GENERATED_FILE).read_bytes())
        return Replay(exchanges=_generated(raw.decode()), source="generated answers (no real model wrote them)")
    try:
        lines = gzip.decompress(llmdrift.read_bytes()).decode().splitlines()
        rows = [json.loads(line) for line in lines]
    except (OSError, EOFError, ValueError) as error:
        raise WatchkeeperError(f"{llmdrift}: cannot be read as gzip JSON lines: {error}") from error
    return Replay(
        exchanges={service: _recorded(rows, *names) for service, names in _LLMDRIFT.items()},
        source="real answers of GPT-4 and GPT-3.5, March and June 2023 (LLMDrift)",
    )


def _recorded(
    rows: Sequence[Mapping[str, str]], task: str, model: str, before: str, after: str
) -> tuple[Exchange, ...]:
    answers: dict[str, dict[str, Mapping[str, str]]] = defaultdict(dict)
    for row in rows:
        if row["task"] == task:
            answers[row["id"]][row["model"]] = row
    return tuple(
        Exchange(
            model=model,
            prompt=versions[before]["prompt"],
            before=versions[before]["output"],
            after=versions[after]["output"],
            document=_questionnaire(versions[before]["prompt"]),
        )
        for versions in answers.values()
        if before in versions and after in versions
    )


def _questionnaire(prompt: str) -> str | None:
    """The item of the questionnaire that a survey prompt holds: its question and the options to pick from."""
    _, found, item = prompt.partition("Question: ")
    return item.removesuffix("Answer:").strip() if found else None


def _generated(text: str) -> dict[str, tuple[Exchange, ...]]:
    exchanges: dict[str, list[Exchange]] = defaultdict(list)
    for line in text.splitlines():
        row = json.loads(line)
        exchanges[row.pop("service")].append(Exchange(**row))
    return {service: tuple(items) for service, items in exchanges.items()}

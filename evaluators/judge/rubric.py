"""Rubrics: what one judge is asked, as files."""

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints, ValidationError, model_validator

from collector.errors import BadRequest

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Example(BaseModel, frozen=True, extra="forbid"):
    """One judged answer, shown to the judge."""

    prompt: Text
    contexts: tuple[Text, ...] = ()
    answer: Text
    reason: Text
    verdict: Text


class Rubric(BaseModel, frozen=True, extra="forbid"):
    """One criterion. `scale` maps each label to what it means, worst first: no and yes, or 1 to 3, 4 or 5.

    A question is worded so that the last label is the good one. Another wording is another version: verdicts of
    different versions are not pooled.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$")]
    criterion: Text
    question: Text
    scale: Mapping[str, Text]
    guideline: Text
    examples: tuple[Example, ...] = Field(default=(), max_length=8)
    needs_context: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        labels = list(self.scale)
        if labels not in (["no", "yes"], *([str(k) for k in range(1, n + 1)] for n in (3, 4, 5))):
            raise ValueError(f"scale has the labels {labels}; use no and yes, or 1 to 3, 4 or 5, worst first")
        for place, example in enumerate(self.examples):
            if example.verdict not in self.scale:
                raise ValueError(f"examples.{place}.verdict is {example.verdict!r}, which is not on the scale {labels}")
            if self.needs_context and not example.contexts:
                raise ValueError(f"examples.{place} has no contexts, but needs_context is true")
        return self

    def value(self, label: str) -> float:
        """Where `label` stands on the scale, in [0, 1]: 0 the worst, 1 the best."""
        return list(self.scale).index(label) / (len(self.scale) - 1)


def load_rubric(source: Path | Traversable) -> Rubric:
    """
    Raises:
        BadRequest: if the file cannot be read or is no valid rubric; the text names file, field and fault.
    """
    try:
        return Rubric.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadRequest(f"{source}: the rubric cannot be read: {error.strerror}; give the path of a file") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRequest(f"{source}: the rubric is not TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'rubric'}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        )
        raise BadRequest(f"{source}: {faults}") from error


def packaged_rubrics() -> Mapping[str, Rubric]:
    """The rubrics that come with Watchkeeper, by id."""
    folder = files("evaluators.judge") / "rubrics"
    rubrics = [load_rubric(file) for file in folder.iterdir() if file.name.endswith(".toml")]
    return {rubric.id: rubric for rubric in sorted(rubrics, key=lambda r: r.id)}


def load_rubrics(names: Sequence[str]) -> tuple[Rubric, ...]:
    """The rubrics named by packaged id or by the path of a .toml file, in this order.

    Raises:
        BadRequest: if one is unknown or broken, or two have the same id.
    """
    packaged = packaged_rubrics()
    rubrics = []
    for name in names:
        if name.endswith(".toml"):
            rubrics.append(load_rubric(Path(name)))
        elif name in packaged:
            rubrics.append(packaged[name])
        else:
            raise BadRequest(
                f"evaluators.judge.rubrics: {name!r} is neither a .toml file nor one of {', '.join(packaged)}"
            )
    ids = [rubric.id for rubric in rubrics]
    if doubled := next((i for i in ids if ids.count(i) > 1), None):
        raise BadRequest(
            f"evaluators.judge.rubrics: two rubrics have the id {doubled!r}; scores are kept by it, so rename one"
        )
    return tuple(rubrics)

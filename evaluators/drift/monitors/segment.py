"""Which calls a monitor looks at."""

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from collector.call import Call


@dataclass(frozen=True, slots=True)
class Segment:
    """Calls of one project whose facts are these. None: any; "": those that have no such fact."""

    project: str
    service: str | None = None
    request_model: str | None = None
    """The alias: the name by which the model was asked for."""
    environment: str | None = None
    prompt_template: str | None = None
    route: str | None = None

    @classmethod
    def of(cls, call: Call) -> "Segment":
        """The segment that is watched without anybody asking for it."""
        return cls(call.project, call.service or "", call.request_model or "")

    def holds(self, call: Call) -> bool:
        facts = (
            call.project, call.service or "", call.request_model or "", call.environment or "",
            template_of(call) or "", route_of(call) or "",
        )  # fmt: skip
        return all(wanted is None or wanted == fact for wanted, fact in zip(astuple(self), facts, strict=True))

    @property
    def automatic_id(self) -> str:
        """Of the monitor that makes itself for this segment. None and "" are two segments, and no name may run into
        the next."""
        return f"answers:{digest(repr(astuple(self)))}"

    @property
    def title(self) -> str:
        """Whose answers these are, in words."""
        model = self.request_model or ("every model" if self.request_model is None else "the model")
        places = [model, *([f"in {self.service}"] if self.service else [])]
        places += [f"({word} {value})" for word, value in self._narrowed() if value]
        return " ".join(places)

    def part_of(self, call: Call) -> str:
        """Where `call` belongs within the segment: its facts that the segment leaves open."""
        facts = (
            ("service", self.service, call.service), ("model", self.request_model, call.request_model),
            ("environment", self.environment, call.environment), ("route", self.route, route_of(call)),
            ("template", self.prompt_template, template_of(call)),
        )  # fmt: skip
        return ", ".join(f"{name} {fact}" for name, wanted, fact in facts if wanted is None and fact)

    def _narrowed(self) -> list[tuple[str, str | None]]:
        return [("environment", self.environment), ("template", self.prompt_template), ("route", self.route)]


def template_of(call: Call) -> str | None:
    """The name of the template that the prompt was made of."""
    return _text(_mapping((call.metadata or {}).get("prompt")).get("name"))


def route_of(call: Call) -> str | None:
    return _text((call.metadata or {}).get("route"))


def digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int | float) and value != "" else None

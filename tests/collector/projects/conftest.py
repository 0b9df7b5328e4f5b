"""A state database, a clock that is set by hand, and the gate before it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from collector.projects.book import ProjectBook
from collector.projects.gate import Gate
from collector.times import parse_rfc3339


@dataclass
class Clock:
    now_ns: int = parse_rfc3339("2026-11-21T12:00:00Z")

    def __call__(self) -> int:
        return self.now_ns

    def seconds(self) -> float:
        return self.now_ns / 1e9

    def move(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(engine: Engine, clock: Clock) -> ProjectBook:
    return ProjectBook(engine, clock, actor="ops")


@pytest.fixture
def open_gate(engine: Engine, clock: Clock) -> Callable[..., Gate]:
    def open_one(**options: object) -> Gate:
        return Gate(engine, clock=clock, clock_s=clock.seconds, **options)  # type: ignore[arg-type]

    return open_one

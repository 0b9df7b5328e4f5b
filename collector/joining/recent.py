"""A dict that forgets what is long ago."""

from collections.abc import Iterable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The `n_kept` to 2 x `n_kept` newest entries. Two dicts, and the older one is dropped whole: no clock, no list."""

    def __init__(self, n_kept: int) -> None:
        self._n_kept = n_kept
        self._new: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        found = self._new.get(key)
        return self._old.get(key) if found is None else found

    def __contains__(self, key: K) -> bool:
        return key in self._new or key in self._old

    def __setitem__(self, key: K, value: V) -> None:
        self._new[key] = value
        self._turn()

    def update(self, entries: Iterable[tuple[K, V]]) -> None:
        self._new.update(entries)
        self._turn()

    def pop(self, key: K) -> V | None:
        old = self._old.pop(key, None)
        found = self._new.pop(key, None)
        return old if found is None else found

    def values(self) -> list[V]:
        return [*self._old.values(), *self._new.values()]

    def _turn(self) -> None:
        if len(self._new) >= self._n_kept:
            self._old, self._new = self._new, {}

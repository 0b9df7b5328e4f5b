"""Lists and objects spelled out as one attribute a leaf: `llm.prompts.0.prompt.text`."""

from collections.abc import Mapping
from typing import Any

_MAX_DIGITS = 9  # no list has more items, and Python refuses to read the longest numbers


def nest(attributes: Mapping[str, Any], prefixes: tuple[str, ...]) -> dict[str, Any]:
    """The attributes under `prefixes` as a tree: {"a.0.b": 1} is {"a": {"0": {"b": 1}}}."""
    tree: dict[str, Any] = {}
    nodes = {"": tree}  # by path: the keys of one list share theirs
    for key, value in attributes.items():
        if key.startswith(prefixes):
            path, _, leaf = key.rpartition(".")
            node = nodes.get(path)
            if node is None:
                node = nodes[path] = _node(tree, path)
            if isinstance(node.get(leaf), dict):
                nodes = {"": tree}  # what was below is gone
            node[leaf] = value
    return tree


def _node(tree: dict[str, Any], path: str) -> dict[str, Any]:
    node = tree
    for name in path.split("."):
        below = node.setdefault(name, {})
        node = below if isinstance(below, dict) else node.setdefault(f"{name}.", {})
    return node


def get(tree: Any, *path: str) -> Any:
    """What stands in `tree` at the end of `path`; None where the path ends before."""
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def listed(tree: Mapping[str, Any], *path: str) -> list[Mapping[str, Any]]:
    """The items of a flattened list in the order of their numbers, whatever the order of the attributes; gaps close."""
    branch = get(tree, *path)
    if not isinstance(branch, dict):
        return []
    numbers = [name for name in branch if name.isdecimal() and len(name) <= _MAX_DIGITS]
    return [branch[name] for name in sorted(numbers, key=int) if isinstance(branch[name], dict)]

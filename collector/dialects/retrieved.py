"""What a retrieval found, in the forms of libraries -> documents {id, content, score, metadata}."""

from typing import Any

_CONTENT = ("content", "page_content", "text", "pageContent")
_LISTS = ("documents", "results", "source_nodes", "nodes")
_HOUSEKEEPING = frozenset(("page_content", "pageContent", "text", "type", "lc", "content"))


def documents_of(found: Any) -> list[dict[str, Any]]:
    """The documents of a list, or of an object that holds one; nothing where there is none."""
    if isinstance(found, dict):
        found = next((found[key] for key in _LISTS if isinstance(found.get(key), list)), None)
    return [_document(item) for item in found if item] if isinstance(found, list) else []


def _document(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        return {"content": str(item)}
    inner = next((item[key] for key in ("kwargs", "document", "node") if isinstance(item.get(key), dict)), item)
    fields = {**inner, **({"score": item["score"]} if item.get("score") is not None else {})}
    content = next((fields[key] for key in _CONTENT if fields.get(key) is not None), None)
    told = {key: value for key, value in fields.items() if key not in _HOUSEKEEPING and value is not None}
    return told if content is None else {**told, "content": content}

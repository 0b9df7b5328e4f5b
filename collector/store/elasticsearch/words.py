"""Texts as words, so that the index finds where a substring may stand; and where it really stands."""

import json
import re
from collections.abc import Sequence
from typing import Any

from collector.jsontext import parse

LONGEST_WORD = 127
"""Elasticsearch cuts words of more than 255 units, of which a letter has up to two; what stands over a cut would not be
found."""
LONGEST_SOUGHT = LONGEST_WORD // 2
_WORD = re.compile(r"\w+")
_PARTS = ("content", "arguments", "response")


def lowered(text: str) -> str:
    """`text` in lower case, each letter by itself: a sigma is the same at the end of a word."""
    return text.lower().replace("ς", "σ")


def words_of(text: str) -> list[str]:
    """The distinct words of `text`, lowered. Every substring of word characters of the text is in one of them."""
    return list(dict.fromkeys(_WORD.findall(lowered(text))))


def indexed(text: str) -> dict[str, Any]:
    """What a document says of `text` for those who search."""
    found = words_of(text)
    short = [word for word in found if len(word) <= LONGEST_WORD]
    is_cut = len(short) < len(found)
    return ({"words": " ".join(short)} if short else {}) | ({"has_long_words": True} if is_cut else {})


def is_one_word(text: str) -> bool:
    """Whether the index alone knows which texts without long words contain `text`."""
    return _WORD.fullmatch(lowered(text)) is not None and len(text) <= LONGEST_SOUGHT


def is_in_words(word: str) -> dict[str, Any]:
    """The condition that the lowered `word` is part of one of the words."""
    return {"wildcard": {"words": {"value": f"*{word}*"}}}


def clauses(text: str) -> list[dict[str, Any]]:
    """Conditions that hold wherever `text` stands, and in some other places too."""
    has_long_words = {"term": {"has_long_words": True}}
    return [
        {"bool": {"should": [is_in_words(word), has_long_words], "minimum_should_match": 1}}
        for word in words_of(text)
        if len(word) <= LONGEST_SOUGHT
    ]


def contains(texts: Sequence[str], needle: str) -> bool:
    wanted = lowered(needle)
    return any(wanted in lowered(text) for text in texts)


def message_text(messages: str | None) -> str:
    """What was said in a JSON list of messages, without the words of their form; a text that is no JSON as it is."""
    if messages is None:
        return ""
    try:
        found = parse(messages)
    except ValueError:
        return messages
    parts = [
        part
        for message in (found if isinstance(found, list) else ())
        if isinstance(message, dict) and isinstance(message.get("parts"), list)
        for part in message["parts"]
        if isinstance(part, dict)
    ]
    said = (part[name] for name in _PARTS for part in parts if part.get(name) is not None)
    return "\n".join(text if isinstance(text, str) else _json(text) for text in said)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

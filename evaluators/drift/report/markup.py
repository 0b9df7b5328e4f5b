"""HTML from values: whatever is no `Markup` is text, and is escaped. What models wrote is never trusted."""

import re
from collections.abc import Iterable
from html import escape

_ATTRIBUTE_NAMES = {"class_": "class", "for_": "for"}
_VOID = frozenset(("br", "hr", "img", "meta"))
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, which no reader sees, and half characters, which no file can hold."""


class Markup(str):
    """HTML, not text."""

    __slots__ = ()


Child = str | Iterable["Child"] | None


def visible(value: str) -> str:
    """`value` with a replacement character for each that no reader sees; a terminal would obey some of them."""
    return _UNSEEN.sub("�", value.replace("\r\n", "\n"))


def text(value: str) -> Markup:
    return Markup(escape(visible(value), quote=True))


def el(tag: str, *children: Child, **attributes: str | None) -> Markup:
    """One element. An attribute that is None is left out; `data_x` is written as data-x."""
    written = "".join(
        f' {_ATTRIBUTE_NAMES.get(name, name.replace("_", "-"))}="{text(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{written}>" if tag in _VOID else f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Child) -> Markup:
    if children is None:
        return Markup()
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return text(children)
    return Markup("".join(map(join, children)))

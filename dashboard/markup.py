"""Dash components as HTML text, for what is on the screen before any script runs."""

from html import escape
from typing import Any

from dash.development.base_component import Component

_NAMES = {"className": "class", "tabIndex": "tabindex", "dateTime": "datetime", "htmlFor": "for"}
_VOID = frozenset(("br", "hr", "img", "input", "meta", "link"))


def to_html(node: Any) -> str:
    """Text is escaped; of the components those of dash.html are understood."""
    if node is None:
        return ""
    if isinstance(node, (list, tuple)):
        return "".join(map(to_html, node))
    if not isinstance(node, Component):
        return escape(str(node))
    props = dict(node.to_plotly_json()["props"])
    children, style = props.pop("children", None), props.pop("style", None)
    props.pop("n_clicks", None)
    tag = type(node).__name__.lower()
    attributes = "".join(f' {_NAMES.get(name, name)}="{escape(str(value))}"' for name, value in props.items())
    if style:
        attributes += f' style="{escape(";".join(f"{name}:{value}" for name, value in style.items()))}"'
    return f"<{tag}{attributes}>" if tag in _VOID else f"<{tag}{attributes}>{to_html(children)}</{tag}>"

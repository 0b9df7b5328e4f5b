"""The name that labels and acknowledgements are kept by. It is asked once and stays in a cookie; it is no login."""

from dash import html

from dashboard import parts
from dashboard.pages.base import View
from dashboard.security import DEFAULT_AUTHOR, NAME_COOKIE


def is_known(author: str) -> bool:
    return author != DEFAULT_AUTHOR


def form(view: View, name: str, submit: str) -> html.Div:
    """Asks for the name; `name` tells one form on the page from another."""
    value = view.author if is_known(view.author) else ""
    field = {"name": "author", "label": "Your name, not your role", "type": "text", "value": value}
    spec = {"fields": [field], "cookie": NAME_COOKIE, "submit": submit}
    return parts.widget("form", name, spec, class_name="your-name")


def menu(view: View) -> html.Details:
    """A control of the bar that shows the name and changes it; a new name is a new element, so that it is closed."""
    summary = html.Summary(["Name ", html.B(view.author)], className="control", title=f"You are {view.author}")
    options = html.Div(form(view, "your-name", "Change the name"), className="options")
    return html.Details([summary, options], className="menu", key=view.author)

"""The key that a request shows, wherever its client library puts it. Pure."""

import base64
import binascii
from collections.abc import Iterator, Mapping

from collector.projects.key import PREFIX

HEADERS = ("authorization", "x-api-key", "api-key", "api_key")
"""Looked at in this order, in HTTP and in gRPC metadata alike."""


def shown_key(headers: Mapping[str, str]) -> str | None:
    """What looks like a key of ours, else whatever credential there is; None: the request shows none.

    Args:
        headers: by lower-case name, or by any where the mapping does not mind, as Starlette's.
    """
    shown = list(_credentials(headers))
    return next((text for text in shown if text.startswith(PREFIX)), shown[0] if shown else None)


def _credentials(headers: Mapping[str, str]) -> Iterator[str]:
    for name in HEADERS:
        value = headers.get(name)
        if not value or not (value := value.strip()):
            continue
        scheme, _, rest = value.partition(" ")
        match scheme.lower():
            case "bearer":
                yield rest.strip()
            case "basic":  # as Langfuse's clients: public key and secret key
                user, password = _basic(rest)
                yield from filter(None, (password, user))
            case _:
                yield value


def _basic(encoded: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password

"""The attributes in which a span or a log record names its user."""

import json
from collections.abc import Mapping
from typing import Any

from collector.dialects import DIALECTS

USER_KEYS = tuple(dict.fromkeys(key for dialect in DIALECTS for key in dialect.columns.get("user_id", ())))


def users_of(attributes: Mapping[str, Any]) -> list[str]:
    """The users that `attributes` name, each once."""
    named = (attributes[key] for key in USER_KEYS if attributes.get(key) is not None)
    return list(dict.fromkeys(user if isinstance(user, str) else json.dumps(user) for user in named))

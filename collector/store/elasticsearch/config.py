"""Where the cluster is, and how our indices lie in it."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from collector.errors import BadRequest

_PREFIX = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchConfig:
    """`prefix` begins the name of every index. Either `user` and `password`, or `api_key`, or nothing, says who asks.

    `shards` and `replicas` are those of one day of one kind. `timeout_s` bounds one request. `ilm_policy` names the
    operator's lifecycle policy, which then deletes what is old instead of our retention.
    """

    url: str
    prefix: str = "watchkeeper"
    user: str | None = None
    password: str | None = None
    api_key: str | None = None
    ca_file: Path | None = None
    shards: int = 1
    replicas: int = 1
    timeout_s: float = 30.0
    ilm_policy: str | None = None

    def __post_init__(self) -> None:
        """
        Raises:
            BadRequest: if a value cannot be; the text says what to write instead.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            # The URL is shown in errors and logs, where no password may stand.
            raise BadRequest(
                "the URL of Elasticsearch must look like https://host:9200, with user and password given apart"
            )
        if not _PREFIX.fullmatch(self.prefix):
            raise BadRequest(
                f"{self.prefix!r} cannot begin the name of an index; take lower-case letters, digits, '-', '_' and '.'"
            )
        if self.api_key and self.user:
            raise BadRequest("Elasticsearch was given both a user and an API key; leave one of them out")
        if bool(self.user) != bool(self.password):
            raise BadRequest("Elasticsearch needs both a user and a password, or neither")
        if self.ilm_policy is not None and not self.ilm_policy.strip():
            raise BadRequest("ilm_policy is empty; name a lifecycle policy of the cluster, or leave it out")
        if self.shards < 1 or self.replicas < 0 or self.timeout_s <= 0:
            raise BadRequest(
                f"shards must be at least 1, replicas at least 0 and timeout_s above 0;"
                f" got {self.shards}, {self.replicas} and {self.timeout_s:g}"
            )

"""What is on this machine is not behind the proxy of the environment, which is for the way out."""

from collections.abc import Mapping

DIRECT: Mapping[str, None] = {"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None}
"""The `mounts` of an httpx client."""

"""Whether keys are needed. A file of its own: the configuration reads it, and needs nothing else of the gate."""

from typing import Literal

AuthMode = Literal["off", "required", "auto"]
"""`auto`: a key is needed as soon as there is one, or others than this machine can reach us."""

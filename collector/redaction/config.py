"""What an operator can set about redaction."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from collector.redaction.kinds import GROUPS, Kind
from collector.redaction.policy import (
    DEFAULT_PHONE_REGIONS,
    MIN_HASH_KEY_BYTES,
    InvalidPolicy,
    Mode,
    Pattern,
    Policy,
)

DEFAULT_KINDS = ("secrets", "card")
"""A key, a password or a card number in a trace is always an accident, and nobody analyses them. Names and addresses in
a chat are what it is about: whether to keep them is the operator's decision, and `kinds = ["all"]` is one word."""


def _is_known_kind(name: str) -> str:
    if name not in GROUPS and name not in set(Kind):
        raise ValueError(f"unknown kind {name!r}; use {', '.join(GROUPS)} or of {', '.join(sorted(Kind))}")
    return name


KindName = Annotated[str, AfterValidator(_is_known_kind)]


class PatternConfig(BaseModel, frozen=True, extra="forbid"):
    name: str
    """Small letters, digits and _; `order_number` is written `[ORDER_NUMBER]`."""
    regex: str
    """RE2 syntax: no look-around, no back-references."""


class ProjectRedaction(BaseModel, frozen=True, extra="forbid"):
    """What one project does differently; what is not set is as for all."""

    mode: Mode | None = None
    kinds: tuple[KindName, ...] | None = None
    patterns: tuple[PatternConfig, ...] | None = None
    phone_regions: tuple[str, ...] | None = None


class RedactionConfig(BaseModel, frozen=True, extra="forbid"):
    mode: Mode = Mode.MASK
    kinds: tuple[KindName, ...] = DEFAULT_KINDS
    """Kinds and groups of kinds: all, secrets, personal, national_ids."""
    patterns: tuple[PatternConfig, ...] = ()
    phone_regions: tuple[str, ...] = DEFAULT_PHONE_REGIONS
    """Countries whose national phone formats are known; numbers with + and country code always are."""
    hash_key: SecretStr | None = None
    """Key of the hash tokens, 16 bytes or more. Without one, a key that the installation keeps."""
    projects: dict[str, ProjectRedaction] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        stand_in = b"0" * MIN_HASH_KEY_BYTES
        for project in (None, *self.projects):
            try:
                self.policy(project, installation_key=stand_in)
            except InvalidPolicy as error:
                raise ValueError(f"projects.{project}: {error}" if project else str(error)) from error
        return self

    def policy(self, project: str | None, *, installation_key: bytes) -> Policy:
        """The policy of `project`.

        Args:
            installation_key: stands in for `hash_key`; must be the same after a restart, or the tokens change.

        Raises:
            InvalidPolicy: if what is set does not fit together.
        """
        own = self.projects.get(project or "", ProjectRedaction())
        patterns = self.patterns if own.patterns is None else own.patterns
        key = installation_key if self.hash_key is None else self.hash_key.get_secret_value().encode()
        return Policy(
            mode=own.mode or self.mode,
            kinds=_kinds(self.kinds if own.kinds is None else own.kinds),
            patterns=tuple(Pattern(name=p.name, regex=p.regex) for p in patterns),
            hash_key=key,
            phone_regions=self.phone_regions if own.phone_regions is None else own.phone_regions,
        )


def _kinds(names: tuple[str, ...]) -> frozenset[Kind]:
    return frozenset(kind for name in names for kind in (GROUPS[name] if name in GROUPS else {Kind(name)}))

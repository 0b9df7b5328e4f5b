"""Redaction: secrets and personal data are replaced before the first byte is stored."""

from collector.redaction.config import RedactionConfig
from collector.redaction.coverage import Coverage, coverage
from collector.redaction.kinds import GROUPS, Kind
from collector.redaction.policy import InvalidPolicy, Mode, Pattern, Policy, Role
from collector.redaction.table import redact, redact_all

__all__ = [
    "GROUPS",
    "Coverage",
    "InvalidPolicy",
    "Kind",
    "Mode",
    "Pattern",
    "Policy",
    "RedactionConfig",
    "Role",
    "coverage",
    "redact",
    "redact_all",
]

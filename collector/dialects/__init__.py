"""How instrumentations write model calls: one file each, merged field by field in this order."""

from collector.dialects.base import Dialect, SpanView
from collector.dialects.genai import GENAI
from collector.dialects.openinference import OPENINFERENCE

DIALECTS: tuple[Dialect, ...] = (GENAI, OPENINFERENCE)
"""Best first: where several dialects on one span tell the same field, the earlier one wins."""

__all__ = ["DIALECTS", "Dialect", "SpanView"]

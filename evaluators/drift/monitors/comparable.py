"""Which calls say something about a model: answers that it gave, and gave in full."""

from collections.abc import Mapping

from collector.call import Call

_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "incomplete"})
_CACHE_KEYS = ("cache_hit", "cached", "from_cache")


def is_comparable(call: Call) -> bool:
    """Not a call that failed, nor an answer that was cut off or came out of a cache. A retried call is there as its
    attempts: those that failed are left out, and one call of a session counts anyway."""
    return call.error_type is None and not _is_cut(call) and not _is_cached(call.metadata or {})


def _is_cut(call: Call) -> bool:
    return any(str(reason).lower() in _CUT for reason in call.finish_reasons or ())


def _is_cached(metadata: Mapping[str, object]) -> bool:
    return any(metadata.get(key) in (True, "true", "True", "hit") for key in _CACHE_KEYS)

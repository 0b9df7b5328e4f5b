"""Numbers and places of an alert in words for the person on call."""

from collections.abc import Mapping

_UNNAMED = {"service": "an unnamed service", "request_model": "an unnamed model", "environment": "no environment"}
_ALL = {"service": "all services", "request_model": "all models", "environment": "all environments"}


def is_share(metric: str) -> bool:
    """Whether `metric` lies in [0, 1]. A mean score does too: scores have that scale."""
    return metric == "error_rate" or ":label:" in metric or (metric.startswith("score:") and metric.endswith(":mean"))


def metric_in_words(metric: str, value: float) -> str:
    if metric == "error_rate" or ":label:" in metric:
        return f"{100 * value:.3g} %"
    if metric.endswith("_s") and not metric.startswith("score:"):
        return f"{value:.3g} s"
    if metric == "cost_usd":
        return f"${value:,.2f}"
    if metric.startswith("score:") and metric.endswith(":mean"):
        return f"{value:.2f}"
    return f"{value:,.10g}"


def duration_in_words(duration_s: float) -> str:
    for unit_s, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if duration_s >= unit_s and duration_s % unit_s == 0:
            return f"{duration_s // unit_s:.0f} {unit}"
    return f"{duration_s:g} s"


def places_in_words(labels: Mapping[str, str], by: tuple[str, ...]) -> dict[str, str]:
    """A word for every dimension: its label; unnamed where it was asked for and is unknown; else all of them."""
    return {name: labels.get(name, _UNNAMED[name] if name in by else _ALL[name]) for name in _ALL}

"""What a receiver is sent: Alertmanager's webhook form (version 4), signed.

Source: the webhook section of Alertmanager's configuration manual. `links`, `value` and `alert_id` are ours.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from collector.errors import WatchkeeperError
from collector.times import format_rfc3339
from evaluators.alerts.alert import Alert
from evaluators.alerts.links import alert_link

TIMESTAMP_HEADER = "X-Watchkeeper-Timestamp"
SIGNATURE_HEADER = "X-Watchkeeper-Signature"
DELIVERY_HEADER = "X-Watchkeeper-Delivery"

_NOT_ENDED = "0001-01-01T00:00:00Z"


class BadSignature(WatchkeeperError):
    """The request does not come from who shares the secret, was changed on its way, or is too old."""


def notification(alert: Alert, *, receiver: str, base_url: str) -> str:
    """The JSON text that tells `receiver` of an alert that fires or is resolved."""
    labels = {"alertname": alert.rule_name, "severity": alert.severity, **alert.labels}
    annotations = {"summary": alert.summary}
    links = {name: base_url + path for name, path in {**alert.links, "alert": alert_link(alert.alert_id)}.items()}
    item: dict[str, Any] = {
        "status": alert.state,
        "labels": labels,
        "annotations": annotations,
        "startsAt": format_rfc3339(alert.fired_ns if alert.fired_ns is not None else alert.since_ns),
        "endsAt": _NOT_ENDED if alert.resolved_ns is None else format_rfc3339(alert.resolved_ns),
        "generatorURL": links["alert"],
        "fingerprint": alert.fingerprint[:16],
        "alert_id": alert.alert_id,
        "value": alert.value,
        "links": links,
    }
    group = {"alertname": alert.rule_name, **alert.labels}
    return json.dumps(
        {
            "version": "4",
            "groupKey": f"{{}}:{json.dumps(group, sort_keys=True)}",
            "truncatedAlerts": 0,
            "status": alert.state,
            "receiver": receiver,
            "groupLabels": group,
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": base_url,
            "alerts": [item],
        },
        ensure_ascii=False,
    )


def signed_headers(secret: str, delivery_id: str, body: bytes, now_ns: int) -> dict[str, str]:
    """The headers of one attempt. The delivery id stays the same over all attempts, the time and signature do not."""
    timestamp = str(now_ns // 1_000_000_000)
    return {
        "Content-Type": "application/json",
        DELIVERY_HEADER: delivery_id,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: f"v1={_signature(secret, timestamp, body)}",
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now_s: float, *, tolerance_s: float = 300.0) -> None:
    """Return if `body` was signed with `secret` at most `tolerance_s` ago.

    Args:
        headers: of the request; the case of their names does not matter.
        body: the bytes as they came, before any parsing.
    Raises:
        BadSignature: otherwise; answer 401 and do nothing else.
    """
    by_name = {name.lower(): value for name, value in headers.items()}
    timestamp = by_name.get(TIMESTAMP_HEADER.lower(), "")
    signature = by_name.get(SIGNATURE_HEADER.lower(), "")
    if not (timestamp.isascii() and timestamp.isdecimal()):
        raise BadSignature(f"{TIMESTAMP_HEADER} must be Unix seconds, got {timestamp[:40]!r}")
    expected = f"v1={_signature(secret, timestamp, body)}"
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise BadSignature(f"{SIGNATURE_HEADER} does not match; the sender must have the same secret")
    age_s = now_s - int(timestamp)
    if abs(age_s) > tolerance_s:
        raise BadSignature(f"signed {age_s:.0f} s ago, {tolerance_s:.0f} s are allowed; check both clocks")


def _signature(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()

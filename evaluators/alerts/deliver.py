"""Sends what is due in the outbox."""

import logging
import random
from collections.abc import Callable, Mapping

import httpx

from collector.times import NS_PER_S
from evaluators.alerts.config import ReceiverConfig
from evaluators.alerts.outbox import Delivery, Outbox
from evaluators.alerts.retry import Failure, is_final, retry_delay_s
from evaluators.alerts.webhook import signed_headers
from evaluators.loopback import DIRECT

MAX_SAID = 200

_log = logging.getLogger(__name__)


def open_client(timeout_s: float) -> httpx.Client:
    """A client that waits at most `timeout_s` for the connection, and as long for each part of the answer."""
    # It would log each URL at INFO, and the URL of a webhook is often a secret in itself.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.Client(timeout=timeout_s, follow_redirects=False, mounts=DIRECT)


def deliver(
    outbox: Outbox,
    receivers: Mapping[str, ReceiverConfig],
    client: httpx.Client,
    *,
    give_up_after_s: float,
    clock: Callable[[], int],
    rng: random.Random,
    is_mine: Callable[[], bool] = lambda: True,
) -> None:
    """Attempt each due notification once. At least once: a crash after the receiver's answer repeats the delivery id.

    A receiver that does not answer gets no second attempt in this round, and nothing else before the retry: its
    notifications wait together, and those of the others go out.

    Args:
        clock: Unix ns.
        is_mine: asked before each attempt; False: another process delivers now.
    """
    silent: set[str] = set()
    for delivery in outbox.due(clock()):
        if not is_mine():
            return
        if delivery.receiver in silent:
            continue
        receiver = receivers.get(delivery.receiver)
        if receiver is None:
            _give_up(outbox, delivery, f"receiver {delivery.receiver!r} is not configured any more", clock())
            continue
        failure = send(client, receiver, delivery, clock())
        now_ns = clock()
        if failure is None:
            outbox.delivered(delivery, now_ns)
            _log.info("delivered %s after %d attempts", delivery.delivery_id, delivery.n_attempts + 1)
            continue
        if is_final(failure, (now_ns - delivery.created_ns) / NS_PER_S, give_up_after_s):
            _give_up(outbox, delivery, failure.error, now_ns)
        else:
            delay_s = retry_delay_s(delivery.n_attempts + 1, failure, rng)
            retry_ns = now_ns + round(delay_s * NS_PER_S)
            outbox.failed(delivery, failure.error, next_attempt_ns=retry_ns)
            _log.warning("%s is tried again in %.1f s: %s", delivery.delivery_id, delay_s, failure.error)
            if not failure.refused:
                outbox.hold(delivery.receiver, until_ns=retry_ns)
        if not failure.refused:
            silent.add(delivery.receiver)


def send(client: httpx.Client, receiver: ReceiverConfig, delivery: Delivery, now_ns: int) -> Failure | None:
    """One attempt; None: the receiver has it (2xx). A redirect is not followed: the signed body is for this URL."""
    body = delivery.body.encode()
    headers = signed_headers(receiver.secret.get_secret_value(), delivery.delivery_id, body, now_ns)
    try:
        with client.stream("POST", receiver.url, content=body, headers=headers) as response:
            if response.is_success:
                return None
            said = next(response.iter_bytes(MAX_SAID), b"").decode(errors="replace").strip()
            retry_after = response.headers.get("Retry-After", "")
            return Failure(
                error=f"answered {response.status_code}" + (f": {said}" if said else ""),
                status=response.status_code,
                retry_after_s=float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else None,
            )
    except httpx.TimeoutException:
        return Failure(error=f"no answer within {client.timeout.read:g} s")
    except httpx.HTTPError as error:
        return Failure(error=f"cannot be reached: {error}")


def _give_up(outbox: Outbox, delivery: Delivery, error: str, now_ns: int) -> None:
    outbox.gave_up(delivery, error, now_ns)
    _log.error("gave up on %s after %d attempts: %s", delivery.delivery_id, delivery.n_attempts + 1, error)

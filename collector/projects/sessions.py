"""A signed-in browser: a cookie that names the key it was opened with. Pure."""

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie

SESSION_COOKIE = "watchkeeper_session"
SESSION_S = 7 * 86_400


def seal(secret: bytes, key_id: str, *, expires_s: int) -> str:
    """The value of the cookie: worth something until `expires_s` and as long as the key is valid."""
    payload = f"{key_id}.{expires_s}"
    return f"{payload}.{_signature(secret, payload)}"


def unseal(secret: bytes, cookie: str, *, now_s: float) -> str | None:
    """The key id in a cookie that was sealed here and has not expired, else None."""
    payload, _, signature = cookie.rpartition(".")
    if not hmac.compare_digest(signature.encode(errors="replace"), _signature(secret, payload).encode()):
        return None
    key_id, _, expires_s = payload.rpartition(".")
    return key_id if now_s < int(expires_s) else None


def session_of(cookie_header: str) -> str | None:
    """The session's cookie among the cookies of a request."""
    try:
        morsel = SimpleCookie(cookie_header).get(SESSION_COOKIE)
    except CookieError:
        return None
    return None if morsel is None else morsel.value


def _signature(secret: bytes, payload: str) -> str:
    return hmac.new(secret, b"session:" + payload.encode(errors="replace"), hashlib.sha256).hexdigest()

"""Listening sockets, bound before anything is built, so that a taken port is known at once."""

import errno
import socket

from collector.errors import WatchkeeperError


class PortUnavailable(WatchkeeperError):
    """A port cannot be bound; the text says why and which option chooses another."""


def listen(host: str, port: int, *, option: str) -> tuple[socket.socket, str]:
    """A listening socket and its address; port 0 picks a free one. `option` is the one that chooses the port.

    Raises:
        PortUnavailable: if the port cannot be bound.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        hint = f"{_why(error)} with {option} (0 picks a free one)"
        raise PortUnavailable(f"{join_address(host, port)}: {hint}") from error
    return listener, join_address(*listener.getsockname()[:2])


def _why(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "another program listens there; stop it, or choose another port"
        case errno.EACCES:
            return "this user may not bind it; choose a port above 1023"
    return f"cannot be bound ({error.strerror}); choose another"


def join_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

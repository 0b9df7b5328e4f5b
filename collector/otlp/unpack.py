"""gzip, unpacked up to a limit."""

import zlib
from collections.abc import Callable

from collector.errors import BadRequest, TooLarge

MAX_GZIP_MEMBERS = 64  # the rest of the body is copied for each, so their number must not grow with it
_PIECE_BYTES = 4 * 2**20


def unpack_gzip(body: bytes, *, max_bytes: int, on_bytes: Callable[[int], None] = lambda _n: None) -> bytes:
    """The content of a gzip body.

    Args:
        on_bytes: told of each piece before more is unpacked; what it raises ends the unpacking.
    Raises:
        BadRequest: if it is not gzip.
        TooLarge: if it unpacks to more than `max_bytes`; no more than that is ever unpacked.
    """
    pieces: list[bytes] = []
    n_bytes, n_members, rest = 0, 0, body
    while rest or not n_members:  # one gzip member after the other, which RFC 1952 allows
        n_members += 1
        if n_members > MAX_GZIP_MEMBERS:
            raise BadRequest(f"the gzip body has more than {MAX_GZIP_MEMBERS} members; send it as one")
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not unpacker.eof:
            try:
                piece = unpacker.decompress(rest, min(_PIECE_BYTES, max_bytes - n_bytes + 1))
            except zlib.error as error:
                raise BadRequest(f"the body says Content-Encoding: gzip but does not unpack: {error}") from error
            rest = unpacker.unconsumed_tail
            n_bytes += len(piece)
            if n_bytes > max_bytes:
                raise TooLarge(f"the body unpacks to more than {max_bytes} bytes; export smaller batches")
            if not piece and not rest and not unpacker.eof:
                raise BadRequest("the gzip body ends early; was the request cut?")
            if piece:
                on_bytes(len(piece))
                pieces.append(piece)
        rest = unpacker.unused_data
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)

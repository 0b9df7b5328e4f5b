"""Where the sentences of a text begin and end."""

import re
from collections.abc import Iterator

# A full stop after an initial or a title ends nothing; a line break ends everything.
_BOUNDARY = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\b(?:Mr|Ms|Dr|St|vs)\.)(?<!\b(?:Mrs|etc)\.)[\"')\]]*[ \t]+(?=[\"'(\[]?[^\W_a-z])"
    r"|\n"
    r"|(?<=[。！？])"
)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence that holds anything visible, in code points, end exclusive."""
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        yield from _trimmed(text, start, boundary.start())
        start = boundary.end()
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    visible = text[start:end].strip()
    if visible:
        start = text.index(visible, start)
        yield start, start + len(visible)

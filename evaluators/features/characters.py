"""How often each character stands in a text, and in which scripts it is written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_BLOCKS = (
    (0xC0, "latin"), (0x250, ""), (0x370, "greek"), (0x400, "cyrillic"), (0x530, ""), (0x590, "right_to_left"),
    (0x900, "indic"), (0x10A0, ""), (0x1100, "hangul"), (0x1200, ""),
    (0x1780, "indic"), (0x1800, ""), (0x1E00, "latin"), (0x1F00, "greek"), (0x2000, ""), (0x3041, "kana"),
    (0x3100, ""), (0x3131, "hangul"), (0x3190, ""), (0x3400, "han"), (0xA000, ""), (0xAC00, "hangul"), (0xD7B0, ""),
    (0xF900, "han"), (0xFB00, ""), (0xFB1D, "right_to_left"), (0xFE00, ""), (0xFE70, "right_to_left"), (0xFF00, ""),
    (0x20000, "han"), (0x40000, ""),
)  # fmt: skip
"""Where in Unicode a script begins: a run of blocks of one script counts as one, "" is none of them."""
_STARTS = np.array([start for start, _ in _BLOCKS])
_SPACED = {"latin", "greek", "cyrillic", "hangul"}
_UNSPACED = "\u3041-\u30fa\u30fc-\u30ff\u3400-\u9fff"
WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
WORDS_OF_ANY_SCRIPT = re.compile(
    # Han and kana are written without spaces, so each character counts; the vowel signs of India are no letters to \w.
    rf"[{_UNSPACED}]|(?:[^\W\d_{_UNSPACED}]|[\u0300-\u036f\u0610-\u065f\u0900-\u0dff\u0e30-\u0e4f])+"
)


@dataclass(frozen=True, slots=True)
class Characters:
    """`ascii` has a place for each of the 128; `others` and `scripts` have what is there."""

    ascii: Sequence[int]
    others: Mapping[str, int]
    scripts: Mapping[str, int]
    """Letters of each script."""

    def count(self, characters: str) -> int:
        """Occurrences of any of these characters."""
        others = sum(self.others.get(c, 0) for c in characters if c > "\x7f") if self.others else 0
        return others + sum(self.ascii[ord(c)] for c in characters if c < "\x80")

    def script_share(self, script: str) -> float:
        """Share of the letters."""
        return self.scripts.get(script, 0) / max(sum(self.scripts.values()), 1)

    @property
    def n_ascii_letters(self) -> int:
        return sum(self.ascii[65:91]) + sum(self.ascii[97:123])

    @property
    def is_spaced(self) -> bool:
        """Whether the plain rule for words holds."""
        return not self.scripts.keys() - _SPACED


def characters_of(text: str) -> Characters:
    """Lone surrogates count as themselves."""
    plain = np.frombuffer(text.encode("ascii", "ignore"), dtype=np.uint8)
    ascii_counts: list[int] = np.bincount(plain, minlength=128).tolist()
    codes = np.frombuffer(b"" if text.isascii() else text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    scripts = {"latin": sum(ascii_counts[65:91]) + sum(ascii_counts[97:123])}
    others, counts = np.unique(codes[codes > 127], return_counts=True)
    for place, n in zip(np.searchsorted(_STARTS, others, side="right").tolist(), counts.tolist(), strict=True):
        script = _BLOCKS[place - 1][1] if place else ""
        if script:
            scripts[script] = scripts.get(script, 0) + n
    return Characters(
        ascii=ascii_counts,
        others=dict(zip(map(chr, others.tolist()), counts.tolist(), strict=True)),
        scripts={script: n for script, n in scripts.items() if n},
    )

"""The lines of a text by what they are: items, headers, tables, code."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

LineKind = Literal[
    "bullet", "numbered", "lettered", "header", "lead", "table", "rule", "fence", "fenced", "code", "text"
]
"""`fenced` is any line inside a code block; `code` looks like code without one."""

_NUMBERED = re.compile(r"\(?\d{1,3}(?:[.)](?:\s|$)|[、．)])|[一二三四五六七八九十]{1,3}、|[①-⑳]")
_LETTERED = re.compile(r"\(?[a-zA-Z][.)](?:\s|$)")
_DOTS = "•·▪◦‣・●○■"
_BULLETS = "-*+–" + _DOTS
_NUMERALS = frozenset("(一二三四五六七八九十①②③④⑤⑥⑦⑧⑨⑩")
_ITEMS = ("bullet", "numbered", "lettered")
_CODE_ENDS = frozenset(";{}")
_CODE_STARTS = (
    "def ", "class ", "return ", "import ", "from ", "for (", "if (", "while (", "else:", "elif ", "} ", "var ", "let ",
    "const ", "public ", "private ", "protected ", "function ", "func ", "fn ", "package ", "using ", "print(",
    "console.", "SELECT ", "INSERT INTO ", "UPDATE ", "<?", "<!", "</", "<div", "//", "/*", "*/", "async ", "await ",
    "try:", "except ", "except:", "raise ", "@Override", "@app", "#include", "#define", "$ ", ">>> ", "sudo ",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines that are not blank. `lead` is the kind of the first one, "" where there is none."""

    kinds: Counter[str]
    lead: str
    n: int
    n_indented: int
    n_nested: int
    """Items of a list inside a list."""
    code: Sequence[str]
    """Fenced or not, stripped."""
    fences: Sequence[str]
    """The opening lines of code blocks, stripped."""


def sort_lines(head: str) -> Lines:
    lines = [line for line in head.splitlines() if line and not line.isspace()]
    stripped = [line.strip() for line in lines]
    kinds = list(_kinds(lines, stripped))
    pairs = list(zip(kinds, stripped, strict=True))
    return Lines(
        kinds=Counter(kinds),
        lead=kinds[0] if kinds else "",
        n=len(lines),
        n_indented=sum(line[0] in " \t" for line in lines),
        n_nested=sum(
            kind in _ITEMS and (line[0] == "\t" or line[:2] == "  ") for kind, line in zip(kinds, lines, strict=True)
        ),
        code=[line for kind, line in pairs if kind in ("fenced", "code")],
        fences=[line for kind, line in pairs if kind == "fence"][::2],
    )


def _kinds(lines: Sequence[str], stripped: Sequence[str]) -> Iterator[LineKind]:
    in_fence = False
    for line, bare in zip(lines, stripped, strict=True):
        if bare.startswith("```"):
            in_fence = not in_fence
            yield "fence"
        else:
            yield "fenced" if in_fence else _kind(line, bare)


def _kind(line: str, bare: str) -> LineKind:
    first = bare[0]
    if first in _BULLETS:
        if bare[1:2] in ("", " ", "\t") or first in _DOTS:
            return "bullet"
        if first in "-*" and len(bare) > 2 and not bare.strip(first):
            return "rule"
    if first == "#" and not bare.startswith(("#include", "#define")):
        # Markdown takes up to three spaces; deeper in, it is a comment in code without a fence.
        return "code" if line.startswith("    ") else "header"
    if first == "|":
        return "table"
    if (first.isdigit() or first in _NUMERALS) and _NUMBERED.match(bare):
        return "numbered"
    if (bare[1:2] in (")", ".") or first == "(") and _LETTERED.match(bare):
        return "lettered"
    if (bare[-1] in _CODE_ENDS and first not in "\\$") or bare.startswith(_CODE_STARTS):
        return "code"
    return "lead" if len(bare) <= 80 and bare[-1] in ":：" else "text"

"""Behaviours: code in an answer, whatever its language."""

import re

from evaluators.features.behaviour import Behaviour, count, flag, share
from evaluators.features.reading import Reading

_INLINE = re.compile(r"`[^`\n]{1,200}`")
_DEFINITIONS = re.compile(
    r"^(?:import |from \S{1,60} import|#include|using |use |package )"
    r"|^(?:(?:export|default|public|private|protected|static|async|pub|final|abstract) ){0,4}"
    r"(?:def|function|func|fn|fun|class|struct|interface|enum|trait|impl|void)\b"
    r"|^(?:const|let|var) \w{1,60} = (?:async )?\([^()\n]{0,80}\) ?=>",
    re.MULTILINE,
)
_CARE = re.compile(
    r"^(?:\"\"\"|\'\'\'|/\*\*|///)|^(?:\} ?)?(?:try|catch|except|finally|raise|throw)\b"
    r"|(?<=[\w)\]]) ?(?:->|:) ?(?:int|str|float|bool|string|number|boolean|list|dict|List|Dict|None|any|void)\b",
    re.MULTILINE,
)
_COMMENTS = ("#", "//", "--", "/*", "*", "<!--", ";;", '"""')


def _comment_share(r: Reading) -> float:
    return sum(line.startswith(_COMMENTS) for line in r.lines.code) / max(len(r.lines.code), 1)


def _leaves_code_bare(r: Reading) -> bool:
    return any(fence == "```" for fence in r.lines.fences)


CODE: tuple[Behaviour, ...] = (
    count("code_fences", "Code blocks", "code blocks", lambda r: r.lines.kinds["fence"] / 2),
    flag("opens_with_code", "Opens with a code block", "open with a code block", lambda r: r.lines.lead == "fence"),
    flag("bare_code", "Code blocks that name no language", "leave code blocks without a language", _leaves_code_bare),
    share(
        "code_lines", "Lines of code, share", "more code", "less code", lambda r: len(r.lines.code) / max(r.lines.n, 1)
    ),
    share(
        "indented",
        "Indented lines, share",
        "more indented lines",
        "fewer indented lines",
        lambda r: r.lines.n_indented / max(r.lines.n, 1),
    ),
    count(
        "inline_code", "Inline code", "inline code", lambda r: len(_INLINE.findall(r.head)) if r.count("`") > 1 else 0
    ),
    count(
        "definitions",
        "Imports and definitions in code",
        "imports and definitions in code",
        lambda r: len(_DEFINITIONS.findall(r.code)),
    ),
    count(
        "code_care",
        "Type hints, docstrings and error handling in code",
        "type hints, docstrings and error handling in code",
        lambda r: len(_CARE.findall(r.code)),
    ),
    share(
        "comments",
        "Comments, share of lines of code",
        "more comments in code",
        "fewer comments in code",
        _comment_share,
    ),
    flag(
        "diff",
        "Gives changes as a diff",
        "give changes as a diff",
        lambda r: "```diff" in r.head or "\n@@ -" in r.head or r.head.startswith("diff --git"),
    ),
)

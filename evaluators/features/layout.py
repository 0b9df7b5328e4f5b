"""Behaviours: how long an answer is, and how it is laid out."""

import re

from evaluators.features.behaviour import Behaviour, count, flag, length, share
from evaluators.features.reading import Reading

_BOLD = re.compile(r"\*\*[^*\n]{1,200}\*\*")
_LINK = re.compile(r"https?://|\]\(|\[\^?\d{1,3}\](?![\w(\[=])|【\d{1,3}")
_EMOJI = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")
_MATH = re.compile(r"\\[(\[]|\$\$|\\frac|\\boxed|\$[^$\s][^$\n]{0,60}[\\^_=][^$\n]{0,60}\$")
_ENDS = ",:;-"


def _first_is(r: Reading, kinds: str) -> bool:
    """Whether the first visible character is a letter (a), digit (0) or anything else (#)."""
    first = r.head.lstrip()[:1]
    kind = "a" if first.isalpha() else "0" if first.isdigit() else "#"
    return bool(first) and kind in kinds


def _is_cut_off(r: Reading) -> bool:
    last = r.closing.rstrip()[-1:]
    return last.isalnum() or (last != "" and last in _ENDS)


def _links(r: Reading) -> int:
    return len(_LINK.findall(r.head)) if "://" in r.head or "]" in r.head or "【" in r.head else 0


LAYOUT: tuple[Behaviour, ...] = (
    length("words", "Answer length, words", "longer", "shorter", lambda r: len(r.words)),
    length("characters", "Answer length, characters", "longer", "shorter", lambda r: r.n_chars),
    length("sentences", "Sentences", "longer", "shorter", lambda r: r.n_sentences),
    length("paragraphs", "Paragraphs", "longer", "shorter", lambda r: r.n_paragraphs),
    length(
        "sentence_words",
        "Words per sentence",
        "longer sentences",
        "shorter sentences",
        lambda r: len(r.words) / max(r.n_sentences, 1),
    ),
    count("bullets", "Bullet points", "bullets", lambda r: r.lines.kinds["bullet"]),
    count("numbered", "Numbered items", "numbered items", lambda r: r.lines.kinds["numbered"]),
    count("lettered", "Lettered options, such as (A)", "lettered options", lambda r: r.lines.kinds["lettered"]),
    count("nested_items", "Items of lists in lists", "lists in lists", lambda r: r.lines.n_nested),
    count("headers", "Headers", "headers", lambda r: r.lines.kinds["header"]),
    count("leads", "Lines that end in a colon", "lines that end in a colon", lambda r: r.lines.kinds["lead"]),
    count("table_rows", "Table rows", "table rows", lambda r: r.lines.kinds["table"]),
    count("rules", "Dividing lines", "dividing lines", lambda r: r.lines.kinds["rule"]),
    count("bold", "Bold passages", "bold passages", lambda r: len(_BOLD.findall(r.head)) if r.count("*") >= 4 else 0),
    count("links", "Links and citations, such as [1]", "links and citations", _links),
    count("emoji", "Emoji", "emoji", lambda r: len(_EMOJI.findall(r.head)) if r.characters.others else 0),
    count("formulas", "Formulas", "formulas", lambda r: len(_MATH.findall(r.head)) if r.count("\\$") else 0),
    flag("starts_with_digit", "Starts with a digit", "start with a digit", lambda r: _first_is(r, "0")),
    flag(
        "starts_with_mark",
        "Starts with a sign, not a letter or digit",
        "start with a bracket or sign",
        lambda r: _first_is(r, "#"),
    ),
    flag("cut_off", "Ends without punctuation", "end without punctuation", _is_cut_off),
    share("digits", "Digits, share of characters", "more digits", "fewer digits", lambda r: r.share("0123456789")),
    share("commas", "Commas per word", "more commas", "fewer commas", lambda r: r.per_word(r.count(",，、،"))),
    share(
        "colons",
        "Colons and semicolons per word",
        "more colons",
        "fewer colons",
        lambda r: r.per_word(r.count(":;：；")),
    ),
    share("brackets", "Brackets per word", "more brackets", "fewer brackets", lambda r: r.per_word(r.count("([{（【"))),
    share(
        "quotes", "Quotation marks per word", "quote more", "quote less", lambda r: r.per_word(r.count('"“”„«»「」'))
    ),
    share(
        "curly_quotes",
        "Typographic quotation marks per word",
        "more typographic quotes",
        "fewer typographic quotes",
        lambda r: r.per_word(r.count("“”‘’„")),
    ),
    share("dashes", "Long dashes per word", "more dashes", "fewer dashes", lambda r: r.per_word(r.count("—–"))),
    share(
        "operators",
        "Operator signs, share of characters",
        "more operators",
        "fewer operators",
        lambda r: r.share("=<>+/\\^%_"),
    ),
    count("questions", "Question marks", "question marks", lambda r: r.count("?？؟")),
    count("exclamations", "Exclamation marks", "exclamation marks", lambda r: r.count("!！")),
)

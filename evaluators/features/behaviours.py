"""The behaviours of a text that drift is looked for in, each with its words for people.

Source: the list that separated version pairs on broad traffic in published answer collections: length, format,
openers, refusals, hedging, closing offers. Topics are not among them on purpose: they move with the users.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evaluators.features import phrases
from evaluators.features.reading import Reading

_INLINE_CODE = re.compile(r"`[^`\n]{1,200}`")
_BOLD = re.compile(r"\*\*[^*\n]{1,200}\*\*")
_LINK = re.compile(r"https?://|\]\(")
_MATH = re.compile(r"\\[(\[]|\$\$|\\frac|\\boxed")
_COMMENT = re.compile(r"\n[ \t]+(?:#|//) ")
_EMOJI = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")
_FIRST_WORD = re.compile(r"\W{0,8}(\w+)")
_OPENER_CHARS = 60
_CLOSING_CHARS = 300
_RICHNESS_WORDS = 200

Kind = Literal["length", "count", "share", "flag"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One measured habit.

    `length` and `count` are compared as log(1 + x), so that one huge text does not outweigh a thousand others;
    `share` is in [0, 1]; `flag` is 0 or 1. `more` and `less` continue the sentence "Answers changed: ...".
    """

    name: str
    title: str
    kind: Kind
    more: str
    less: str
    measure: Callable[[Reading], float]

    @property
    def is_logarithmic(self) -> bool:
        return self.kind in ("length", "count")


def _per_word(total: float, r: Reading) -> float:
    return min(total / max(len(r.words), 1), 1.0)


def _starts_with(r: Reading, kinds: str) -> bool:
    """Whether the first visible character is a letter (a), digit (0) or anything else (#)."""
    first = r.head.lstrip()[:1]
    kind = "a" if first.isalpha() else "0" if first.isdigit() else "#"
    return bool(first) and kind in kinds


def _first_word_in(r: Reading, vocabulary: frozenset[str]) -> bool:
    match = _FIRST_WORD.match(r.lower)
    return match is not None and match[1] in vocabulary


def _opens_with_filler(r: Reading) -> bool:
    opener = r.lower[:_OPENER_CHARS].lstrip(" \n\t\"'*#")
    return opener.startswith(phrases.FILLER_OPENERS)


def _closes_with_offer(r: Reading) -> bool:
    closing = r.lower[-_CLOSING_CHARS:]
    return any(phrase in closing for phrase in phrases.CLOSING_OFFERS)


def _is_json(r: Reading) -> bool:
    """Whether the whole answer is a JSON object or array, alone or in one code fence."""
    body = r.text.strip()
    if body.startswith("```") and body.endswith("```"):
        body = body[3:-3].removeprefix("json").strip()
    if not body or body[0] + body[-1] not in ("{}", "[]"):
        return False
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _richness(r: Reading) -> float:
    """Distinct words per word at the beginning: over a whole text this would be length in disguise."""
    beginning = r.words[:_RICHNESS_WORDS]
    return len(set(beginning)) / max(len(beginning), 1)


def _repetition(r: Reading) -> float:
    """Share of three-word runs that have stood there before: loops of a broken model."""
    runs = list(zip(r.words, r.words[1:], r.words[2:], strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _capitalised(r: Reading) -> float:
    capitals = sum(r.ascii_counts[65:91])
    return capitals / max(capitals + sum(r.ascii_counts[97:123]), 1)


def _is_cut_off(r: Reading) -> bool:
    last = r.text.rstrip()[-1:]
    return last.isalnum() or (last != "" and last in ",:;-")


BEHAVIOURS: tuple[Behaviour, ...] = (
    Behaviour("words", "Answer length, words", "length", "longer", "shorter", lambda r: len(r.words)),
    Behaviour("characters", "Answer length, characters", "length", "longer", "shorter", lambda r: r.n_chars),
    Behaviour("sentences", "Sentences", "length", "longer", "shorter", lambda r: r.n_sentences),
    Behaviour("paragraphs", "Paragraphs", "length", "longer", "shorter", lambda r: r.n_paragraphs),
    Behaviour(
        "sentence_words",
        "Words per sentence",
        "length",
        "longer sentences",
        "shorter sentences",
        lambda r: len(r.words) / max(r.n_sentences, 1),
    ),
    Behaviour(
        "word_letters",
        "Letters per word",
        "length",
        "longer words",
        "shorter words",
        lambda r: sum(map(len, r.words)) / max(len(r.words), 1),
    ),
    Behaviour("richness", "Distinct words, share", "share", "richer vocabulary", "poorer vocabulary", _richness),
    Behaviour("repetition", "Repeated word runs, share", "share", "repeat themselves more", "repeat less", _repetition),
    Behaviour("bullets", "Bullet points", "count", "more bullets", "fewer bullets", lambda r: r.line_kinds["bullet"]),
    Behaviour(
        "numbered",
        "Numbered items",
        "count",
        "more numbered items",
        "fewer numbered items",
        lambda r: r.line_kinds["numbered"],
    ),
    Behaviour(
        "lettered",
        "Lettered options, such as (A)",
        "count",
        "more lettered options",
        "fewer lettered options",
        lambda r: r.line_kinds["lettered"],
    ),
    Behaviour("headers", "Headers", "count", "more headers", "fewer headers", lambda r: r.line_kinds["header"]),
    Behaviour(
        "leads",
        "Lines that end in a colon",
        "count",
        "more lines that end in a colon",
        "fewer lines that end in a colon",
        lambda r: r.line_kinds["lead"],
    ),
    Behaviour("table_rows", "Table rows", "count", "more tables", "fewer tables", lambda r: r.line_kinds["table"]),
    Behaviour(
        "code_fences",
        "Code blocks",
        "count",
        "more code blocks",
        "fewer code blocks",
        lambda r: r.line_kinds["fence"] / 2,
    ),
    Behaviour(
        "opens_with_code",
        "Opens with a code block",
        "flag",
        "open with a code block more often",
        "open with a code block less often",
        lambda r: r.lead == "fence",
    ),
    Behaviour(
        "code_share",
        "Indented lines, share",
        "share",
        "more indented lines",
        "fewer indented lines",
        lambda r: r.n_indented / max(r.line_kinds.total(), 1),
    ),
    Behaviour(
        "comments",
        "Lines of code with a comment",
        "count",
        "more comments in code",
        "fewer comments in code",
        lambda r: len(_COMMENT.findall(r.head)) if "# " in r.head or "//" in r.head else 0,
    ),
    Behaviour(
        "inline_code",
        "Inline code",
        "count",
        "more inline code",
        "less inline code",
        lambda r: len(_INLINE_CODE.findall(r.head)) if r.ascii_counts[96] else 0,
    ),
    Behaviour(
        "bold",
        "Bold passages",
        "count",
        "more bold",
        "less bold",
        lambda r: len(_BOLD.findall(r.head)) if r.ascii_counts[42] >= 4 else 0,
    ),
    Behaviour(
        "links",
        "Links",
        "count",
        "more links",
        "fewer links",
        lambda r: len(_LINK.findall(r.head)) if "://" in r.head or "](" in r.head else 0,
    ),
    Behaviour(
        "math",
        "Formulas",
        "count",
        "more formulas",
        "fewer formulas",
        lambda r: len(_MATH.findall(r.head)) if r.ascii_counts[92] or r.ascii_counts[36] > 1 else 0,
    ),
    Behaviour("json", "Whole answer is valid JSON", "flag", "more often JSON", "less often JSON", _is_json),
    Behaviour(
        "starts_with_digit",
        "Starts with a digit",
        "flag",
        "start with a digit more often",
        "start with a digit less often",
        lambda r: _starts_with(r, "0"),
    ),
    Behaviour(
        "starts_with_mark",
        "Starts with a sign, not a letter or digit",
        "flag",
        "start with a bracket or sign more often",
        "start with a bracket or sign less often",
        lambda r: _starts_with(r, "#"),
    ),
    Behaviour(
        "starts_yes",
        "First word is yes",
        "flag",
        'start with "yes" more often',
        'start with "yes" less often',
        lambda r: _first_word_in(r, phrases.YES),
    ),
    Behaviour(
        "starts_no",
        "First word is no",
        "flag",
        'start with "no" more often',
        'start with "no" less often',
        lambda r: _first_word_in(r, phrases.NO),
    ),
    Behaviour(
        "cut_off",
        "Ends without punctuation",
        "flag",
        "end without punctuation more often",
        "end without punctuation less often",
        _is_cut_off,
    ),
    Behaviour(
        "filler_opener",
        'Filler opener, such as "Sure"',
        "flag",
        "open with filler more often",
        "open with filler less often",
        _opens_with_filler,
    ),
    Behaviour(
        "closing_offer",
        "Closing offer of more help",
        "flag",
        "offer more help more often",
        "offer more help less often",
        _closes_with_offer,
    ),
    Behaviour(
        "refusal",
        "Refusal phrases",
        "flag",
        "refuse more often",
        "refuse less often",
        lambda r: r.mentions(phrases.REFUSALS) > 0,
    ),
    Behaviour(
        "apology",
        "Apologies",
        "flag",
        "apologise more often",
        "apologise less often",
        lambda r: r.mentions(phrases.APOLOGIES) > 0,
    ),
    Behaviour(
        "as_an_ai",
        'Speaks "as an AI"',
        "flag",
        'speak "as an AI" more often',
        'speak "as an AI" less often',
        lambda r: r.mentions(phrases.SELF_DESCRIPTIONS) > 0,
    ),
    Behaviour(
        "warnings",
        "Caveats and warnings",
        "count",
        "more caveats",
        "fewer caveats",
        lambda r: r.mentions(phrases.WARNINGS),
    ),
    Behaviour(
        "hedging", "Hedging words, share", "share", "hedge more", "hedge less", lambda r: r.word_share(phrases.HEDGES)
    ),
    Behaviour(
        "certainty",
        "Words of certainty, share",
        "share",
        "sound more certain",
        "sound less certain",
        lambda r: r.word_share(phrases.CERTAINTY),
    ),
    Behaviour(
        "connectives",
        "Connecting words, share",
        "share",
        "more connecting words",
        "fewer connecting words",
        lambda r: r.word_share(phrases.CONNECTIVES),
    ),
    Behaviour(
        "first_person",
        "First person, share of words",
        "share",
        "speak of themselves more",
        "speak of themselves less",
        lambda r: r.word_share(phrases.FIRST_PERSON),
    ),
    Behaviour(
        "second_person",
        "Second person, share of words",
        "share",
        "address the user more",
        "address the user less",
        lambda r: r.word_share(phrases.SECOND_PERSON),
    ),
    Behaviour(
        "step_words",
        "Step words, share",
        "share",
        "more step words",
        "fewer step words",
        lambda r: r.word_share(phrases.STEP_WORDS),
    ),
    Behaviour(
        "english",
        "English function words, share",
        "share",
        "more English function words",
        "fewer English function words",
        lambda r: r.word_share(phrases.ENGLISH_STOP_WORDS),
    ),
    Behaviour(
        "other_language",
        "Function words of other languages, share",
        "share",
        "more in other languages",
        "less in other languages",
        lambda r: r.word_share(phrases.OTHER_STOP_WORDS),
    ),
    Behaviour(
        "non_ascii",
        "Characters beyond ASCII, share",
        "share",
        "more characters beyond ASCII",
        "fewer characters beyond ASCII",
        lambda r: 1 - sum(r.ascii_counts) / max(len(r.head), 1) if r.head else 0.0,
    ),
    Behaviour(
        "emoji",
        "Emoji",
        "count",
        "more emoji",
        "fewer emoji",
        lambda r: 0 if r.head.isascii() else len(_EMOJI.findall(r.head)),
    ),
    Behaviour(
        "digits", "Digits, share of characters", "share", "more digits", "fewer digits", lambda r: r.share("0123456789")
    ),
    Behaviour("capitals", "Capitals, share of letters", "share", "more capitals", "fewer capitals", _capitalised),
    Behaviour(
        "commas", "Commas per word", "share", "more commas", "fewer commas", lambda r: _per_word(r.count(","), r)
    ),
    Behaviour(
        "colons",
        "Colons and semicolons per word",
        "share",
        "more colons",
        "fewer colons",
        lambda r: _per_word(r.count(":;"), r),
    ),
    Behaviour(
        "brackets",
        "Brackets per word",
        "share",
        "more brackets",
        "fewer brackets",
        lambda r: _per_word(r.count("([{"), r),
    ),
    Behaviour(
        "quotes", "Quotation marks per word", "share", "quote more", "quote less", lambda r: _per_word(r.count('"'), r)
    ),
    Behaviour(
        "operators",
        "Operator signs, share of characters",
        "share",
        "more operators",
        "fewer operators",
        lambda r: r.share("=<>+/\\^%_"),
    ),
    Behaviour(
        "questions", "Question marks", "count", "ask more questions", "ask fewer questions", lambda r: r.count("?")
    ),
    Behaviour(
        "exclamations",
        "Exclamation marks",
        "count",
        "more exclamation marks",
        "fewer exclamation marks",
        lambda r: r.count("!"),
    ),
)

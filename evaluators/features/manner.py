"""Behaviours: how an answer speaks. Phrases of English and, where a text is not English, of other big languages."""

import re

from evaluators.features import elsewhere, phrases
from evaluators.features.behaviour import Behaviour, count, flag, length, share
from evaluators.features.reading import Reading

_FIRST_WORD = re.compile(r"\W{0,8}(\w+)")
_THINKING = re.compile(r"</?(?:think|thinking|thought|reasoning|reflection|scratchpad)>|<\|channel\|>")
_RICHNESS_WORDS = 200

_YES = phrases.YES | elsewhere.YES
_NO = phrases.NO | elsewhere.NO
_HEDGES = phrases.HEDGES | elsewhere.HEDGES
_FIRST_PERSON = phrases.FIRST_PERSON | elsewhere.FIRST_PERSON
_SECOND_PERSON = phrases.SECOND_PERSON | elsewhere.SECOND_PERSON


def _first_word_in(r: Reading, vocabulary: frozenset[str]) -> bool:
    match = _FIRST_WORD.match(r.lower)
    return match is not None and match[1] in vocabulary


def _hedging(r: Reading) -> float:
    n = r.n_words_in(_HEDGES)
    return r.per_word(n if r.characters.is_spaced else n + sum(map(r.lower.count, elsewhere.HEDGE_PHRASES)))


def _richness(r: Reading) -> float:
    """Distinct words per word at the beginning: over a whole text this would be length in disguise."""
    beginning = r.words[:_RICHNESS_WORDS]
    return len(set(beginning)) / max(len(beginning), 1)


def _repetition(r: Reading) -> float:
    """Share of three-word runs that have stood there before: loops of a broken model."""
    n = len(r.words) - 2
    return 1 - len(set(zip(r.words, r.words[1:], r.words[2:], strict=False))) / n if n > 0 else 0.0


MANNER: tuple[Behaviour, ...] = (
    length(
        "word_letters",
        "Letters per word",
        "longer words",
        "shorter words",
        lambda r: sum(map(len, r.words)) / max(len(r.words), 1),
    ),
    share("richness", "Distinct words, share", "richer vocabulary", "poorer vocabulary", _richness),
    share("repetition", "Repeated word runs, share", "repeat themselves more", "repeat less", _repetition),
    flag("starts_yes", "First word is yes", 'start with "yes"', lambda r: _first_word_in(r, _YES)),
    flag("starts_no", "First word is no", 'start with "no"', lambda r: _first_word_in(r, _NO)),
    flag(
        "filler_opener",
        'Filler opener, such as "Sure"',
        "open with filler",
        lambda r: r.opens_with(phrases.FILLER_OPENERS, elsewhere.FILLER_OPENERS),
    ),
    flag(
        "praise",
        "Praises the question or agrees at once",
        "praise the question",
        lambda r: r.opens_with(phrases.PRAISE, elsewhere.PRAISE),
    ),
    flag(
        "closing_offer",
        "Closing offer of more help",
        "offer more help",
        lambda r: r.closes_with(phrases.CLOSING_OFFERS, elsewhere.CLOSING_OFFERS),
    ),
    flag(
        "closing_question",
        "Ends with a question",
        "end with a question",
        lambda r: r.closing.rstrip(" \n\t\"'*)_”」")[-1:] in ("?", "？", "؟"),
    ),
    flag(
        "summary",
        "Closes with a summary",
        "close with a summary",
        lambda r: r.closes_with(phrases.SUMMARIES, elsewhere.SUMMARIES),
    ),
    flag(
        "final_answer",
        "States a final answer",
        "state a final answer",
        lambda r: r.mentions(phrases.FINAL_ANSWERS, ()) > 0,
    ),
    flag("refusal", "Refusal phrases", "refuse", lambda r: r.mentions(phrases.REFUSALS, elsewhere.REFUSALS) > 0),
    flag("apology", "Apologies", "apologise", lambda r: r.mentions(phrases.APOLOGIES, elsewhere.APOLOGIES) > 0),
    flag(
        "as_an_ai",
        'Speaks "as an AI"',
        'speak "as an AI"',
        lambda r: r.mentions(phrases.SELF_DESCRIPTIONS, elsewhere.SELF_DESCRIPTIONS) > 0,
    ),
    count("warnings", "Caveats and warnings", "caveats", lambda r: r.mentions(phrases.WARNINGS, elsewhere.WARNINGS)),
    flag(
        "thinking",
        "Thoughts in the answer, such as <think>",
        "think aloud in the answer",
        lambda r: _THINKING.search(r.lower) is not None if "<" in r.lower else False,
    ),
    share("hedging", "Hedging words, share", "hedge more", "hedge less", _hedging),
    share(
        "certainty",
        "Words of certainty, share",
        "sound more certain",
        "sound less certain",
        lambda r: r.word_share(phrases.CERTAINTY),
    ),
    share(
        "connectives",
        "Connecting words, share",
        "more connecting words",
        "fewer connecting words",
        lambda r: r.word_share(phrases.CONNECTIVES),
    ),
    share(
        "contractions",
        "Contractions, share of words",
        "more contractions",
        "fewer contractions",
        lambda r: r.per_word(r.count("'’") and sum("'" in word for word in r.words)),
    ),
    share(
        "first_person",
        "First person, share of words",
        "speak of themselves more",
        "speak of themselves less",
        lambda r: r.word_share(_FIRST_PERSON),
    ),
    share(
        "second_person",
        "Second person, share of words",
        "address the user more",
        "address the user less",
        lambda r: r.word_share(_SECOND_PERSON),
    ),
    share(
        "step_words",
        "Step words, share",
        "more step words",
        "fewer step words",
        lambda r: r.word_share(phrases.STEP_WORDS),
    ),
)

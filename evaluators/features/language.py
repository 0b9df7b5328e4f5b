"""Behaviours: the languages and scripts of an answer."""

from evaluators.features import phrases
from evaluators.features.behaviour import Behaviour, share
from evaluators.features.reading import Reading


def _capitalised(r: Reading) -> float:
    capitals = sum(r.characters.ascii[65:91])
    return capitals / max(r.characters.n_ascii_letters, 1)


def _script(name: str, letters: str) -> Behaviour:
    return share(
        name,
        f"{letters}, share of letters",
        f"more {letters}",
        f"fewer {letters}",
        lambda r: r.characters.script_share(name),
    )


LANGUAGE: tuple[Behaviour, ...] = (
    share(
        "english",
        "English function words, share",
        "more English function words",
        "fewer English function words",
        lambda r: r.word_share(phrases.ENGLISH_STOP_WORDS),
    ),
    share(
        "other_language",
        "Function words of other languages, share",
        "more in other languages",
        "less in other languages",
        lambda r: r.word_share(phrases.OTHER_STOP_WORDS),
    ),
    share("capitals", "Capitals, share of letters", "more capitals", "fewer capitals", _capitalised),
    _script("cyrillic", "Cyrillic letters"),
    _script("han", "Chinese characters"),
    _script("kana", "Japanese kana"),
    _script("hangul", "Korean letters"),
    _script("right_to_left", "Arabic and Hebrew letters"),
    _script("indic", "Indian and South-East Asian letters"),
)

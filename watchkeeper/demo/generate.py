"""Write the answers that the demo replays where no recorded ones are at hand: `python -m watchkeeper.demo.generate`.

They are put together from templates with a fixed seed, to have the two habits that changed in the recorded answers:
a survey assistant that stops picking an option, and a tutor that takes numbered steps and states its answer last.
"""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from watchkeeper.demo.answers import GENERATED_FILE

_N_PER_SERVICE = 150
_TOPICS = (
    "the parks in your town", "public libraries", "working from home", "the price of bread", "night trains",
    "school uniforms", "electric buses", "the opening hours of shops", "street markets", "voting by post",
    "cycle lanes", "plastic bags", "museum tickets", "daylight saving time", "quiet carriages on trains",
)  # fmt: skip
_SCALES = (
    ("Very satisfied", "Somewhat satisfied", "Somewhat dissatisfied", "Very dissatisfied"),
    ("A great deal", "A fair amount", "Not too much", "Not at all"),
    ("Excellent", "Good", "Only fair", "Poor"),
    ("Very important", "Somewhat important", "Not too important", "Not at all important"),
)
_DECLINES = (
    "As an AI language model, I don't have personal opinions, so I can't choose an option about {topic}.",
    "This is subjective and depends on the individual's own experience of {topic}.",
    "I'm sorry, but I don't have feelings about {topic}; the answer varies from person to person.",
)


def exchanges(rng: random.Random) -> Iterator[dict[str, Any]]:
    for _ in range(_N_PER_SERVICE):
        yield {"service": "survey", "model": "sample-large", **_survey(rng)}
    for _ in range(_N_PER_SERVICE):
        yield {"service": "tutor", "model": "sample-small", **_tutor(rng.randrange(1001, 9999, 2))}


def _survey(rng: random.Random) -> dict[str, str]:
    topic, scale = rng.choice(_TOPICS), rng.choice(_SCALES)
    options = [f"({letter}). {option}" for letter, option in zip("ABCD", scale, strict=True)]
    item = "\n".join([f"How do you feel about {topic}?", *options])
    return {
        "prompt": f"You are taking a survey. Pick the best single option (e.g., (A)).\n\nQuestion: {item}\nAnswer:",
        "before": rng.choice(options),
        "after": rng.choice(_DECLINES).format(topic=topic) if rng.random() < 0.7 else rng.choice(options),
        "document": item,
    }


def _tutor(number: int) -> dict[str, str]:
    divisor = next((d for d in range(3, int(number**0.5) + 1, 2) if number % d == 0), None)
    answer = "No" if divisor else "Yes"
    tried = [d for d in (3, 5, 7, 11, 13) if d != divisor]
    found = f"{number} = {divisor} x {number // divisor}" if divisor else f"nothing up to {int(number**0.5)} divides it"
    steps = "\n".join(f"{n}. Divide {number} by {d}: the rest is {number % d}." for n, d in enumerate(tried, 2))
    return {
        "prompt": f'Is {number} a prime number? Think step by step and then answer "[Yes]" or "[No]".',
        "before": f"[{answer}]\n\nExplanation: we look for a divisor of {number}. We see that {found}.",
        "after": f"To determine if {number} is prime, we proceed as follows:\n\n1. The root of {number} is about "
        f"{number**0.5:.1f}.\n{steps}\n\nTherefore {found}.\n\n**[{answer}]**",
    }


if __name__ == "__main__":
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in exchanges(random.Random(20230613)))
    # mtime 0: the same answers make the same bytes.
    Path(__file__).with_name(GENERATED_FILE).write_bytes(gzip.compress(lines.encode(), mtime=0))

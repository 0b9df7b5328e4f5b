"""All behaviours of a text that drift is looked for in.

Chosen for what they mean to whoever reads an answer: length, layout, openers, refusals, hedging, closing offers, code,
JSON, tool calls, languages. Topics are not among them on purpose: they move with the users.
"""

from evaluators.features.behaviour import Behaviour
from evaluators.features.code import CODE
from evaluators.features.language import LANGUAGE
from evaluators.features.layout import LAYOUT
from evaluators.features.manner import MANNER
from evaluators.features.structured import STRUCTURED

BEHAVIOURS: tuple[Behaviour, ...] = (*LAYOUT, *MANNER, *CODE, *STRUCTURED, *LANGUAGE)

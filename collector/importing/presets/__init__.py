"""Ready mappings: how the rows of known programs tell a model call."""

from collector.importing.convert import Preset
from collector.importing.presets.langfuse import call_of_langfuse
from collector.importing.presets.litellm import call_of_litellm
from collector.importing.presets.openai import call_of_openai

PRESETS: dict[str, Preset] = {"openai": call_of_openai, "litellm": call_of_litellm, "langfuse": call_of_langfuse}

"""A conversation as the token ids that a model continues."""

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from serving.engine.base import Message, Prompt, PromptRefused

PLAIN_STOP = ("\nuser:",)
"""With the plain template a base model would go on and write the user's next turn."""


def plain_text(messages: Sequence[Message]) -> str:
    """The conversation for a model that brings no chat template: one `role: content` line per message."""
    return "".join(f"{message.role}: {message.content}\n" for message in messages) + "assistant:"


def prompt_ids(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Token ids of `prompt`, by the tokenizer's own chat template where it has one.

    Raises:
        PromptRefused: the template refuses the conversation (some accept no system message, for example), or
            nothing is left to continue.
    """
    if isinstance(prompt, str):
        ids = tokenizer(prompt)["input_ids"]
    elif tokenizer.chat_template is None:
        ids = tokenizer(plain_text(prompt))["input_ids"]
    else:
        turns = [{"role": message.role, "content": message.content} for message in prompt]
        try:
            encoded = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)
        except TemplateError as error:
            raise PromptRefused(f"the model's chat template refuses this conversation: {error}") from error
        ids = encoded["input_ids"]
    if not ids:
        raise PromptRefused("the prompt has no tokens; send at least one")
    return list(ids)

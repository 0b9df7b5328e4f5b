"""Any causal language model in a local folder, by `transformers`' own `generate`."""

import asyncio
import copy
import logging
import os
import secrets
import threading
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria, StoppingCriteriaList

from serving.config import ServingConfig
from serving.engine.answer import Answer
from serving.engine.base import Model, Prompt, PromptRefused, Sampling
from serving.engine.generation import Generation
from serving.engine.line import Line
from serving.engine.template import PLAIN_STOP, prompt_ids

_log = logging.getLogger(__name__)

_GREEDY_BELOW = 1e-5  # dividing logits by less overflows; no difference to greedy choice is left by then


class TransformersEngine:
    """One model, one generation at a time."""

    def __init__(
        self, network: Any, tokenizer: Any, model: Model, *, max_waiting: int, default_max_tokens: int
    ) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._tokenizing = threading.Lock()
        self._decoder = copy.deepcopy(tokenizer)  # decoding in the other thread needs no turn at the lock
        self._model = model
        self._default_max_tokens = default_max_tokens
        self._end_ids = _end_ids(network, tokenizer)
        # A repository's own defaults (top_k 50, penalties, ...) would change what the client asked for.
        network.generation_config = type(network.generation_config)()
        self._line = Line(max_waiting=max_waiting)

    @property
    def model(self) -> Model:
        return self._model

    async def generate(self, prompt: Prompt, sampling: Sampling) -> Generation:
        ids = await asyncio.to_thread(self._prompt_ids, prompt)
        max_tokens = answer_limit(len(ids), sampling.max_tokens, self._model.context_tokens, self._default_max_tokens)
        plain_chat = not isinstance(prompt, str) and self._tokenizer.chat_template is None
        generation = Generation()
        answer = Answer(
            self._decode,
            end_ids=self._end_ids,
            stop=(*sampling.stop, *PLAIN_STOP) if plain_chat else sampling.stop,
            max_tokens=max_tokens,
            n_prompt_tokens=len(ids),
        )
        self._line.admit(generation, lambda: self._run(ids, sampling, max_tokens, answer, generation))
        return generation

    def close(self) -> None:
        self._line.close()

    def _prompt_ids(self, prompt: Prompt) -> list[int]:
        # A fast tokenizer raises "Already borrowed" when two threads use it at once.
        with self._tokenizing:
            return prompt_ids(self._tokenizer, prompt)

    def _decode(self, ids: Any) -> str:
        text: str = self._decoder.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _run(self, ids: list[int], sampling: Sampling, max_tokens: int, answer: Answer, generation: Generation) -> None:
        # `generate` takes no generator of its own. The global one is safe: no other thread draws from it.
        torch.manual_seed(secrets.randbits(63) if sampling.seed is None else sampling.seed)
        prompt = torch.tensor([ids], device=self._network.device)
        self._network.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=max_tokens,
            **_choice(sampling),
            stopping_criteria=StoppingCriteriaList([_EachToken(answer, generation)]),
        )


class _EachToken(StoppingCriteria):
    """Called by `generate` after every token: sends what can be sent, and stops when the answer is over.

    A streamer would see the tokens too, but on some devices one step late, and it cannot stop anything.
    """

    def __init__(self, answer: Answer, generation: Generation) -> None:
        self._answer = answer
        self._generation = generation

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        piece = self._answer.push(int(input_ids[0, -1]), cancelled=self._generation.cancelled)
        if piece is not None:
            self._generation.deliver(piece)
        return torch.full((1,), self._answer.over, dtype=torch.bool, device=input_ids.device)


def load(config: ServingConfig) -> TransformersEngine:
    """Read the model from `config.model_path`, from this disk and nowhere else.

    Raises:
        ValueError: the folder is not there or holds no model, or its context length is not known.
    """
    path = config.model_path
    if not (path / "config.json").is_file():
        raise ValueError(f"{path}: no config.json there; give the folder of a saved Hugging Face model")
    n_threads = config.n_threads or max(1, len(os.sched_getaffinity(0)) - 1)
    torch.set_num_threads(n_threads)
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    network: Any = AutoModelForCausalLM.from_pretrained(path, local_files_only=True, dtype=config.dtype)
    network.to(device).eval()
    model = Model(
        name=config.model_name or path.resolve().name,
        created_s=int((path / "config.json").stat().st_mtime),
        context_tokens=config.context_tokens or _context_tokens(network, path),
    )
    _log.info("%s: %s on %s, context of %d tokens", path, type(network).__name__, device, model.context_tokens)
    return TransformersEngine(
        network, tokenizer, model, max_waiting=config.max_waiting, default_max_tokens=config.default_max_tokens
    )


def answer_limit(n_prompt_tokens: int, asked: int | None, context_tokens: int, default: int) -> int:
    """How many tokens may be generated.

    Raises:
        PromptRefused: prompt and answer do not fit the context together.
    """
    left = context_tokens - n_prompt_tokens
    if left < (asked or 1):
        answer = "" if asked is None else f" and max_tokens {asked}"
        raise PromptRefused(
            f"the model's context is {context_tokens} tokens, the prompt has {n_prompt_tokens}{answer}; shorten it",
            too_long=True,
        )
    return asked or min(default, left)


def _choice(sampling: Sampling) -> dict[str, Any]:
    if sampling.temperature < _GREEDY_BELOW:
        return {"do_sample": False}
    # top_k 0 is off; left out, `generate` would take 50.
    return {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}


def _end_ids(network: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer: generation config, model config and tokenizer may each name others."""
    named = (network.generation_config.eos_token_id, network.config.eos_token_id, tokenizer.eos_token_id)
    return frozenset(one for ids in named if ids is not None for one in (ids if isinstance(ids, list) else [ids]))


def _context_tokens(network: Any, path: Path) -> int:
    limit = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    if not isinstance(limit, int):
        raise ValueError(f"{path}: config.json has no max_position_embeddings; set context_tokens")
    return limit

"""The engine against `generate` itself, on the same weights."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from serving.config import ServingConfig
from serving.engine.base import Message, PromptRefused, Sampling
from serving.engine.generation import Piece
from serving.engine.template import plain_text
from serving.engine.transformers_engine import TransformersEngine, answer_limit, load

HELLO = (Message("user", "When does my parcel arrive?"),)
GREEDY = Sampling(temperature=0, max_tokens=30)


@pytest.fixture(scope="module")
def engine(model_folder: Path) -> Iterator[TransformersEngine]:
    loaded = load(ServingConfig(model_path=model_folder, n_threads=1))
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def greedy_ids(model_folder: Path) -> list[int]:
    """What `generate` says on its own."""
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    encoded = tokenizer.apply_chat_template(
        [{"role": "user", "content": HELLO[0].content}],
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )
    network = AutoModelForCausalLM.from_pretrained(model_folder)
    ids = network.generate(**encoded, max_new_tokens=30, do_sample=False)[0, encoded["input_ids"].shape[1] :]
    return [int(token_id) for token_id in ids]


def answer(engine: TransformersEngine, sampling: Sampling) -> list[Piece]:
    async def collect() -> list[Piece]:
        return [piece async for piece in await engine.generate(HELLO, sampling)]

    return asyncio.run(collect())


def ids_of(pieces: list[Piece]) -> list[int]:
    return [token_id for piece in pieces for token_id in piece.token_ids]


def test_the_tokens_are_those_of_generate(engine: TransformersEngine, greedy_ids: list[int]) -> None:
    pieces = answer(engine, GREEDY)
    assert ids_of(pieces) == greedy_ids
    assert pieces[-1].finish_reason == "length"


def test_every_token_that_the_model_names_as_its_end_ends_an_answer(model_folder: Path, greedy_ids: list[int]) -> None:
    network = AutoModelForCausalLM.from_pretrained(model_folder)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    end_id = greedy_ids[10]
    network.generation_config.eos_token_id = [end_id, 3]
    engine = TransformersEngine(
        network,
        tokenizer,
        load(ServingConfig(model_path=model_folder, n_threads=1)).model,
        max_waiting=0,
        default_max_tokens=30,
    )
    pieces = answer(engine, GREEDY)
    engine.close()
    before_the_end = greedy_ids[: greedy_ids.index(end_id)]
    assert ids_of(pieces) == before_the_end
    assert pieces[-1].finish_reason == "stop"
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.output_tokens == len(before_the_end) + 1


def test_a_cancelled_generation_ends_with_a_last_piece_and_the_next_one_runs(engine: TransformersEngine) -> None:
    async def leave_early() -> Piece:
        generation = await engine.generate(HELLO, Sampling(max_tokens=4000))
        async for piece in generation:
            generation.cancel()
            last = piece
        return last

    last = asyncio.run(leave_early())
    assert last.finish_reason == "cancelled"
    assert last.usage is not None
    assert last.usage.output_tokens < 100
    assert answer(engine, GREEDY)[-1].finish_reason == "length"


def test_a_model_without_a_chat_template_gets_plain_lines() -> None:
    conversation = (Message("system", "Be brief."), Message("user", "Hello"))
    assert plain_text(conversation) == "system: Be brief.\nuser: Hello\nassistant:"


def test_a_model_without_a_chat_template_answers(model_folder: Path, tmp_path: Path) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(model_folder)
    tokenizer.chat_template = None
    network = AutoModelForCausalLM.from_pretrained(model_folder)
    network.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    plain = load(ServingConfig(model_path=tmp_path, n_threads=1, model_name="plain"))
    pieces = answer(plain, GREEDY)
    plain.close()
    assert plain.model.name == "plain"
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.input_tokens == len(tokenizer(plain_text(HELLO))["input_ids"])


def test_the_answer_has_the_room_that_the_prompt_leaves() -> None:
    assert answer_limit(90, None, 100, 50) == 10
    assert answer_limit(10, None, 100, 50) == 50
    assert answer_limit(90, 10, 100, 50) == 10
    for asked in (11, 10**9):
        with pytest.raises(PromptRefused, match="context is 100 tokens"):
            answer_limit(90, asked, 100, 50)
    with pytest.raises(PromptRefused):
        answer_limit(100, None, 100, 50)


def test_a_folder_without_a_model_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no config\.json there; give the folder"):
        load(ServingConfig(model_path=tmp_path))

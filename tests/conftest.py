"""State databases of both kinds; a tiny real model, made on the spot; properties without a clock."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine

from collector.state import open_state, state_url
from tests.services.elasticsearch.fixtures import elasticsearch, elasticsearch_server  # noqa: F401  # fixtures
from tests.services.postgresql.server import PostgreSQL

# How long one example takes says more about who else uses the machine than about the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

MODEL_NAME = "tiny-llama"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.content == 'refuse me' %}{{ raise_exception('no such conversation') }}{% endif %}"
    "<|{{ message.role }}|>{{ message.content }}\n{% endfor %}<|assistant|>"
)

TEXTS = [
    "The parcel left the warehouse in Zürich on Monday and arrives on Thursday.",
    "Your refund of 48.20 euros was sent to the card that ends in 1881.",
    "The device must be switched off before the cover is removed.",
    "Opening hours are from nine to five, and from ten to two at weekends.",
]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of some 100,000 weights with a byte-level tokenizer, as `save_pretrained` writes them.

    It never ends an answer by itself: the token for that is in the tokenizer, but out of the model's reach.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<|system|>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    raw.train_from_iterator(TEXTS, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|end|>")
    tokenizer.chat_template = CHAT_TEMPLATE
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=raw.get_vocab_size(with_added_tokens=False),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.2,  # wide enough that greedy answers are not one token for ever
    )
    folder = tmp_path_factory.mktemp("models") / MODEL_NAME
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running server, for all tests that ask for one."""
    server = PostgreSQL()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """An empty database of the test's own."""
    url = postgresql.new_database()
    yield url
    postgresql.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def state_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty state database: what asks for it runs on both kinds."""
    if request.param == "sqlite":
        return state_url(tmp_path)
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def reopen_state(state_database: str) -> Iterator[Callable[[], Engine]]:
    """`reopen_state()`: the same database, opened as another process would."""
    opened: list[Engine] = []

    def again() -> Engine:
        opened.append(open_state(state_database))
        return opened[-1]

    yield again
    for engine in opened:
        engine.dispose()


@pytest.fixture
def engine(reopen_state: Callable[[], Engine]) -> Engine:
    return reopen_state()

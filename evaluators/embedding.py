"""The consumer that embeds prompts and answers, of a sample of calls and with a share of a core."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.call import Call
from collector.store.base import TextVector
from evaluators.config import EmbedConfig
from evaluators.embed import VERSION, Embedder
from evaluators.judge.sample import sampled
from evaluators.runner import Consumer, Results
from evaluators.text import texts_of
from evaluators.vectors import OUTPUT_EMBEDDING, PROMPT_EMBEDDING
from evaluators.worker import Worker

EMBED = "embed"
_BATCH_SIZE = 32  # two texts a call: about a second of the child process, for which the scores of others wait


@dataclass(frozen=True, slots=True)
class EmbeddingEvaluator:
    embedder: Embedder

    def evaluate(self, calls: Sequence[Call]) -> Results:
        """Raises WorkerUnavailable when there is no child process to ask."""
        texts = [(call, texts_of(call)) for call in calls]
        wanted = [
            (call, kind, text)
            for call, found in texts
            for kind, text in ((PROMPT_EMBEDDING, found.prompt), (OUTPUT_EMBEDDING, found.output))
            if text.strip()
        ]
        vectors = self.embedder.embed([text for _, _, text in wanted])
        failed = {call.call_id for (call, _, _), vector in zip(wanted, vectors, strict=True) if vector is None}
        return Results(
            vectors=[
                TextVector(
                    call_id=call.call_id,
                    call_start_ns=call.start_ns,
                    kind=kind,
                    version=VERSION,
                    values=vector.tolist(),
                )
                for (call, kind, _), vector in zip(wanted, vectors, strict=True)
                if vector is not None
            ],
            n_failed=len(failed),
        )


def embed_consumer(worker: Worker, config: EmbedConfig, *, key: bytes) -> Consumer:
    """`key` draws the sample (evaluators.judge.sample), the same calls that judge and reviewers see first."""
    embedder = Embedder(worker.encode, cache_size=config.cache_size)
    return Consumer(
        name=EMBED,
        evaluate=EmbeddingEvaluator(embedder).evaluate,
        wants=lambda call: sampled(key, call.call_id, config.sample_rate),
        batch_size=_BATCH_SIZE,
        core_share=config.core_share,
        max_backlog=config.max_backlog,
    )

"""Evidently and a distance of centroids beside compare(), on the same draws.

    make bench-drift-peers

`embed FILE` writes what the embedding methods look at (all-MiniLM-L6-v2, as evaluators/embed.py) and runs in the
project's environment; `compare FILE` runs in one that has Evidently and prints the table of docs/drift.md. Reference
(400 answers) and window never share a prompt. Evidently's text drift takes 6 CPU seconds a window and is drawn less
often.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from metrics import rate, read_rows
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WINDOWS = (10, 50, 100, 400)
N_REFERENCE = 400
MAX_TEXTS = 1_000
ALPHA = 0.05
CENTROID_THRESHOLD = 0.2
"""Of unit vectors; the default of Evidently's own distance."""

NARROW = (
    ("opinionqa", "gpt-4-0314", "gpt-4-0613"),
    ("prime_full", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
)
BROAD = (
    ("wildbench", "Llama-3-8B-OpenHermes-243K", "Llama-3-8B-Tulu-330K"),
    ("wildbench", "Llama-3-8B-Tulu-330K", "Llama-3-8B-WildChat"),
)
MIXED = (("opinionqa", "gpt-4-0314"), ("prime_full", "gpt-4-0314"))
"""One model, two kinds of questions."""
SOURCES = tuple(sorted({(task, model) for task, *models in (*NARROW, *BROAD) for model in models} | set(MIXED)))


@dataclass(frozen=True)
class Answers:
    """Of one task and model, in the order of the prompts: a frame with `output`, `prompt` where it is known and
    Evidently's descriptors; and vectors."""

    frame: Any
    vectors: Floats

    def take(self, rows: NDArray[np.int64]) -> "Answers":
        return Answers(self.frame.iloc[rows].reset_index(drop=True), self.vectors[rows])


@dataclass(frozen=True)
class Method:
    """Whether it finds a change between reference and window; a slow one is asked less often."""

    name: str
    finds: Callable[[Answers, Answers], bool]
    is_slow: bool = False


Draw = Callable[[np.random.Generator, int], tuple[Answers, Answers]]


def texts() -> dict[str, list[dict[str, Any]]]:
    """Rows of each source, by "task model"."""
    rows = [*read_rows("drift-llmdrift"), *read_rows("drift-wildbench")]
    ordered = sorted(rows, key=lambda row: row["id"])
    return {
        f"{task} {model}": [row for row in ordered if (row["task"], row["model"]) == (task, model)][:MAX_TEXTS]
        for task, model in SOURCES
    }


def embed(path: Path) -> None:
    from evaluators.encoder import Encoder

    encoder = Encoder()
    found = {}
    for name, rows in texts().items():
        outputs = [row["output"][:4_000] for row in rows]
        # Texts of like length together: the shorter ones wait for the longest of their batch.
        order = np.argsort([len(output) for output in outputs])
        vectors = np.empty((len(outputs), 384), dtype=np.float32)
        for i in range(0, len(order), 32):
            vectors[order[i : i + 32]] = encoder.encode([outputs[j] for j in order[i : i + 32]])
        found[name] = vectors
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **found)


def answers(path: Path) -> dict[str, Answers]:
    import pandas as pd
    from evidently import DataDefinition, Dataset
    from evidently.descriptors import NonLetterCharacterPercentage, SentenceCount, TextLength, WordCount

    vectors = np.load(path)
    described = [kind("output", alias=kind.__name__) for kind in (TextLength, WordCount, SentenceCount)]
    described.append(NonLetterCharacterPercentage("output", alias="NonLetterCharacterPercentage"))
    found = {}
    for name, rows in texts().items():
        frame = pd.DataFrame({"output": [row["output"] for row in rows]})
        definition = DataDefinition(text_columns=["output"])
        frame = Dataset.from_pandas(frame, data_definition=definition, descriptors=described).as_dataframe()
        if rows[0]["prompt"] is not None:
            frame["prompt"] = [row["prompt"] for row in rows]
        found[name] = Answers(frame, vectors[name].astype(np.float64))
    return found


def evidently_preset(columns: Sequence[str], kind: str, reference: Answers, window: Answers) -> bool:
    """DataDriftPreset: drift where at least half of the columns drifted, each by the test that Evidently chooses."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(**{kind: list(columns)})
    before, after = (
        Dataset.from_pandas(side.frame[list(columns)], data_definition=definition) for side in (reference, window)
    )
    result = Report([DataDriftPreset()]).run(after, before).dict()
    [count] = [metric for metric in result["metrics"] if metric["metric_name"].startswith("DriftedColumnsCount")]
    return bool(count["value"]["share"] >= count["config"]["drift_share"])


def evidently_embeddings(method: str, reference: Answers, window: Answers) -> bool:
    import pandas as pd
    from evidently.metrics import embeddings

    drift = getattr(embeddings, f"{method}DriftMethod")
    # What EmbeddingsDrift takes where nothing is said: the classifier, against random scores below 1,000 rows.
    chosen = drift(bootstrap=True) if method == "Model" else drift()
    _, is_drift, _ = chosen(pd.DataFrame(window.vectors), pd.DataFrame(reference.vectors))
    return bool(is_drift)


def centroid(reference: Answers, window: Answers, threshold: float = CENTROID_THRESHOLD) -> bool:
    return distance(reference, window) > threshold


def distance(reference: Answers, window: Answers) -> float:
    return float(np.linalg.norm(reference.vectors.mean(axis=0) - window.vectors.mean(axis=0)))


def ours(reference: Answers, window: Answers) -> bool:
    """A changed model, not just changed questions."""
    from evaluators.drift import compare

    columns = [name for name in ("output", "prompt") if name in reference.frame]
    return compare(reference.frame[columns], window.frame[columns], alpha=ALPHA).verdict == "model_changed"


def methods(tuned: float) -> list[Method]:
    descriptors = ("TextLength", "WordCount", "SentenceCount", "NonLetterCharacterPercentage")
    return [
        Method("Watchkeeper, compare at alpha .05", ours),
        Method(f"distance of centroids above {CENTROID_THRESHOLD}", centroid),
        Method(f"distance of centroids above {tuned:.3f}, tuned", partial(centroid, threshold=tuned)),
        Method("Evidently, embedding drift (its default: classifier)", partial(evidently_embeddings, "Model")),
        Method("Evidently, embedding drift, ratio", partial(evidently_embeddings, "Ratio")),
        Method("Evidently, embedding drift, mmd", partial(evidently_embeddings, "MMD")),
        Method("Evidently, drift of 4 text descriptors", partial(evidently_preset, descriptors, "numerical_columns")),
        Method("Evidently, text drift", partial(evidently_preset, ("output",), "text_columns"), is_slow=True),
    ]


def of_pair(before: Answers, after: Answers, rng: np.random.Generator, m: int) -> tuple[Answers, Answers]:
    """Answers to other prompts in the reference and in the window."""
    prompts = rng.permutation(min(len(before.vectors), len(after.vectors)))
    return before.take(prompts[:N_REFERENCE]), after.take(prompts[N_REFERENCE : N_REFERENCE + m])


def of_mix(first: Answers, second: Answers, rng: np.random.Generator, m: int) -> tuple[Answers, Answers]:
    """80 % of the questions of one kind before, 20 % after."""
    import pandas as pd

    orders = [rng.permutation(len(side.vectors)) for side in (first, second)]
    sides = []
    for n, share, start in ((N_REFERENCE, 0.8, 0), (m, 0.2, N_REFERENCE)):
        sizes = (round(n * share), n - round(n * share))
        parts = [
            side.take(order[start : start + size])
            for side, order, size in zip((first, second), orders, sizes, strict=True)
        ]
        frame = pd.concat([part.frame for part in parts], ignore_index=True)
        sides.append(Answers(frame, np.concatenate([part.vectors for part in parts])))
    return sides[0], sides[1]


def share_found(method: Method, draws: Sequence[Draw], m: int, n_draws: int) -> float:
    rng = np.random.default_rng([m, n_draws])
    return rate([method.finds(*draw(rng, m)) for draw in draws for _ in range(n_draws)])


def rows_of(path: Path, n_draws: int, n_slow_draws: int, only: str) -> Iterator[str]:
    sources = answers(path)
    pairs = {
        kind: [(sources[f"{task} {before}"], sources[f"{task} {after}"]) for task, before, after in chosen]
        for kind, chosen in (("narrow", NARROW), ("broad", BROAD))
    }
    nothing = [partial(of_pair, before, before) for kind in pairs.values() for before, _ in kind]
    rng = np.random.default_rng(1)
    broad_nothing = nothing[-len(BROAD) :]
    # What somebody who looks at windows of 100 would set it to, so that 1 of 20 cries wolf.
    tuned = float(np.quantile([distance(*draw(rng, 100)) for draw in broad_nothing for _ in range(100)], 0.95))
    columns: tuple[list[Draw], ...] = (
        nothing,
        [partial(of_mix, *(sources[f"{task} {model}"] for task, model in MIXED))],
        *([partial(of_pair, *pair) for pair in chosen] for chosen in pairs.values()),
    )
    for method in [method for method in methods(tuned) if only in method.name]:
        n_each = n_slow_draws if method.is_slow else n_draws
        cells = []
        for draws in columns:
            # As many draws of the one mix as of the two pairs of the other columns.
            times = n_each * 2 if len(draws) == 1 else n_each
            found = [share_found(method, draws, m, times) for m in WINDOWS]
            cells.append(" ".join(f"{share:.2f}".removeprefix("0") for share in found))
        yield f"| {method.name} | {' | '.join(cells)} | {n_each} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("embed", "compare"))
    parser.add_argument("vectors", type=Path)
    parser.add_argument("--draws", type=int, default=25, help="per set of answers and size of the window")
    parser.add_argument("--slow-draws", type=int, default=3)
    parser.add_argument("--only", default="", help="methods with this in their name; the draws are the same")
    options = parser.parse_args()
    if options.step == "embed":
        embed(options.vectors)
        return
    warnings.filterwarnings("ignore")
    sizes = ", ".join(map(str, WINDOWS))
    print(f"Share of windows of {sizes} answers called changed; reference {N_REFERENCE}.\n")
    print("| method | nothing changed | only the questions | narrow tasks, new version | broad traffic, other model |"
          " draws |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for row in rows_of(options.vectors, options.draws, options.slow_draws, options.only):
        print(row, flush=True)


if __name__ == "__main__":
    main()

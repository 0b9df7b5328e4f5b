"""CPU time of redaction per span, on the load generator's spans and where one call in ten holds personal data.

usage: python bench/redaction.py LOAD_GENERATOR [--spans N]

LOAD_GENERATOR is a script with `build(n_spans, batch)` that gives encoded exports (otlp_load.py). The first line has
the time of one pass of a small regular expression (RE2) over the same texts: what a search that never looks twice would
take on this machine at this moment.
"""

import argparse
import json
import random
import runpy
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.normalise import normalise
from collector.otlp.table import read_export
from collector.redaction import GROUPS, Kind, Policy, Role, redact_all

SPANS_PER_EXPORT = 512
ROUNDS = 5
PII_SHARE = 0.1

TEXT, JSON, IDENTIFIER = Role(form="text"), Role(form="json"), Role(form="identifier")
CONTENT = Role(form="json", content=True)
SPAN_ROLES = {
    **dict.fromkeys(("name", "status_message"), TEXT),
    **dict.fromkeys(("attributes", "resource", "events", "links"), JSON),
    "documents": CONTENT,
}
CALL_ROLES = {
    **dict.fromkeys(("error_type", "error_message"), TEXT),
    **dict.fromkeys(("parameters", "metadata", "tool_definitions"), JSON),
    **dict.fromkeys(("session_id", "user_id", "tenant"), IDENTIFIER),
    **dict.fromkeys(("system_instructions", "input_messages", "output_messages", "contexts"), CONTENT),
    "tags": Role(form="texts"),
}
SENTENCES = (
    "Please write to {name}@example.com about it.",
    "My phone number is +49 30 9018{n:04d}, call me.",
    "I paid with 4111 1111 1111 1111 last week.",
    "The account is DE89 3704 0044 0532 0130 00.",
    "It fails from 192.0.2.{n} since monday.",
)
POLICIES = {
    "default (secrets and cards)": GROUPS["secrets"] | {Kind.CARD},
    "all kinds": GROUPS["all"],
}

Tables = Sequence[tuple[pa.Table, pa.Table]]


def with_personal_data(calls: pa.Table, rng: random.Random) -> pa.Table:
    """`calls` with a sentence of personal data in the input of one in ten."""
    messages = calls["input_messages"].to_pylist()
    for row, text in enumerate(messages):
        if text and rng.random() < PII_SHARE:
            parsed = json.loads(text)
            n = rng.randrange(256)
            parsed[0]["parts"][0]["content"] += " " + rng.choice(SENTENCES).format(name=f"user{n}", n=n)
            messages[row] = json.dumps(parsed)
    place = calls.column_names.index("input_messages")
    return calls.set_column(place, calls.schema.field(place), pa.array(messages, pa.string()))


def us_per_span(step: Callable[[pa.Table, pa.Table], object], tables: Tables) -> float:
    """Median over the exports of the best of some rounds: other work on the machine disturbs single ones."""
    best = [float("inf")] * len(tables)
    for _ in range(ROUNDS):
        for i, (spans, calls) in enumerate(tables):
            started_s = time.process_time()
            step(spans, calls)
            best[i] = min(best[i], (time.process_time() - started_s) / spans.num_rows)
    return float(np.median(best)) * 1e6


def texts_of(spans: pa.Table, calls: pa.Table) -> pa.Array:
    columns = [spans[name] for name in SPAN_ROLES] + [calls[name] for name in CALL_ROLES if name != "tags"]
    return pa.concat_arrays([chunk for column in columns for chunk in column.chunks]).drop_null()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("--spans", type=int, default=20_480)
    options = parser.parse_args()
    bodies = [body for body, _ in runpy.run_path(str(options.generator))["build"](options.spans, SPANS_PER_EXPORT)]
    batches = [normalise(read_export(body)) for body in bodies]
    plain = [(batch.spans, batch.parts) for batch in batches]
    rng = random.Random(7)
    personal = [(spans, with_personal_data(calls, rng)) for spans, calls in plain]
    texts = [texts_of(spans, calls) for spans, calls in plain]
    n_bytes = sum(text.nbytes for text in texts) / options.spans
    passes = iter(texts * ROUNDS)
    one_pass_us = us_per_span(lambda *_: pc.match_substring_regex(next(passes).cast(pa.binary()), "@@|##"), plain)
    print(f"{n_bytes:.0f} bytes of text a span; one pass of RE2 {one_pass_us:.1f} us/span")
    for name, kinds in POLICIES.items():
        policy = Policy(kinds=kinds, hash_key=b"only for the bench")
        counts: Counter[str] = Counter()

        def step(spans: pa.Table, calls: pa.Table, policy: Policy = policy, counts: Counter[str] = counts) -> None:
            counts.update(redact_all([(spans, SPAN_ROLES), (calls, CALL_ROLES)], policy)[1])

        plain_us = us_per_span(step, plain)
        n_plain = counts.total() // ROUNDS
        personal_us = us_per_span(step, personal)
        n_personal = counts.total() // ROUNDS - n_plain
        print(
            f"{name}: {plain_us:.1f} us/span, {n_plain} finds; one call in ten: {personal_us:.1f}, {n_personal} finds"
        )


if __name__ == "__main__":
    main()

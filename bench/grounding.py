"""How well the grounding rule tells supported answers from others, beside answer length alone.

    python bench/grounding.py

Reads the labelled development sets of ../shared/data and prints the table of docs/evaluators.md.
"""

import time

from metrics import auroc, rate, read_rows

from evaluators.grounding import GROUNDED_FROM, UNGROUNDED_BELOW, ground

SETS = ("begin", "faithdial_audit", "factcheck_stance", "mtrag_human", "summedits", "summeval", "fever_symmetric")


def main() -> None:
    print(
        f"| set | answers (unsupported) | AUROC | length only | below {UNGROUNDED_BELOW}: false / found "
        f"| below {GROUNDED_FROM}: false / found | answers/s |"
    )
    print("|---|---|---|---|---|---|---|")
    rows_of_sets = []
    for name in SETS:
        rows = read_rows(name)
        began_s = time.process_time()
        grounding = [ground(row["response"], [row["context"]]) for row in rows]
        cpu_s = time.process_time() - began_s
        # An answer that states nothing gets no score, so it cannot be right or wrong here.
        scored = [(g.value, row["label"] == 1, row["response"]) for g, row in zip(grounding, rows, strict=True) if g]
        values, unsupported, answers = zip(*scored, strict=True)
        figures = [
            auroc([-value for value in values], unsupported),
            auroc([len(answer) for answer in answers], unsupported),
            *(
                rate([value < threshold for value, u in zip(values, unsupported, strict=True) if u is kind])
                for threshold in (UNGROUNDED_BELOW, GROUNDED_FROM)
                for kind in (False, True)
            ),
        ]
        rows_of_sets.append(figures)
        a, length, *operating = (f"{figure:.2f}" for figure in figures)
        print(
            f"| {name} | {len(scored)} ({sum(unsupported)}) | {a} | {length} | {operating[0]} / {operating[1]} "
            f"| {operating[2]} / {operating[3]} | {len(rows) / cpu_s:,.0f} |"
        )
    mean = [f"{sum(column) / len(column):.2f}" for column in zip(*rows_of_sets, strict=True)]
    print(f"| mean of sets | | {mean[0]} | {mean[1]} | {mean[2]} / {mean[3]} | {mean[4]} / {mean[5]} | |")
    answered = [row for row in read_rows("clapnq") if row["response"]]
    found = [g for row in answered if (g := ground(row["response"], [row["context"]]))]
    labels = [g.label for g in found]
    print(
        f"\nclapnq, answers written by people from the passage: {len(labels)}, of them "
        + ", ".join(f"{labels.count(label)} {label}" for label in ("grounded", "doubtful", "ungrounded"))
    )


if __name__ == "__main__":
    main()

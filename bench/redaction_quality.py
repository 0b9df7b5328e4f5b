"""Precision and recall of redaction per kind on labelled texts.

usage: python bench/redaction_quality.py LABELLED.jsonl.gz [--show KIND]

LABELLED has one JSON object a line: `text` and `spans` = [start, end, entity type] (presidio_pii.jsonl.gz). A label
counts as found if one find of its kind covers all of it, a find as right if it overlaps a label of its kind.
"""

import argparse
import gzip
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa

from collector.redaction import Kind, Mode, Policy
from collector.redaction.finder import finder_of

KIND_OF_LABEL = {
    "EMAIL_ADDRESS": Kind.EMAIL,
    "PHONE_NUMBER": Kind.PHONE,
    "CREDIT_CARD": Kind.CARD,
    "IBAN_CODE": Kind.IBAN,
    "US_SSN": Kind.US_SSN,
    "IP_ADDRESS": Kind.IP,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--show", choices=sorted(Kind), help="print what was missed or wrongly found of this kind")
    options = parser.parse_args()
    finder = finder_of(Policy(mode=Mode.MASK, hash_key=b"only for the bench"))
    with gzip.open(options.labelled, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = [row["text"] for row in rows]
    looked_at = finder.may_hold(pa.array(texts, pa.large_string())).tolist()
    found_in = [finds if hit else [] for finds, hit in zip(finder.find(texts), looked_at, strict=True)]
    n_labels, n_found, n_finds, n_right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for row, finds in zip(rows, found_in, strict=True):
        text = row["text"]
        labels = [(s, e, KIND_OF_LABEL[label]) for s, e, label in row["spans"] if label in KIND_OF_LABEL]
        for start, end, kind in labels:
            hit = any(m.kind == kind and m.start <= start and end <= m.end for m in finds)
            n_labels[kind] += 1
            n_found[kind] += hit
            if not hit and options.show == kind:
                print(f"missed: {text[max(0, start - 30) : start]!r} >>> {text[start:end]!r}")
        for m in finds:
            right = any(m.kind == kind and m.start < end and start < m.end for start, end, kind in labels)
            n_finds[m.kind] += 1
            n_right[m.kind] += right
            if not right and options.show == m.kind:
                print(f"wrong: {text[max(0, m.start - 30) : m.start]!r} >>> {text[m.start : m.end]!r}")
    print(f"{len(rows)} texts, {sum(looked_at)} of them past the prefilter")
    print("| kind | labels | found | recall | finds | right | precision |\n| --- | --- | --- | --- | --- | --- | --- |")
    for kind in Kind:
        if n_labels[kind] or n_finds[kind]:
            recall = f"{n_found[kind] / n_labels[kind]:.3f}" if n_labels[kind] else "-"
            precision = f"{n_right[kind] / n_finds[kind]:.3f}" if n_finds[kind] else "-"
            row_of = (kind, n_labels[kind], n_found[kind], recall, n_finds[kind], n_right[kind], precision)
            print("| " + " | ".join(map(str, row_of)) + " |")


if __name__ == "__main__":
    main()

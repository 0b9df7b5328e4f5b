"""How often the phrases and patterns of the safety checks find what they look for, and what else.

    python bench/safety.py

Reads the labelled development sets of ../shared/data and prints the tables of docs/evaluators.md.
"""

import time
from collections.abc import Sequence

from metrics import auroc, rate, read_rows

from evaluators.safety import assess, injection, pii, refusal
from evaluators.safety.injection import INJECTION_FROM

PII_KINDS = {
    "email": "EMAIL_ADDRESS",
    "card": "CREDIT_CARD",
    "iban": "IBAN_CODE",
    "ssn": "US_SSN",
    "ip": "IP_ADDRESS",
    "phone": "PHONE_NUMBER",
}


def main() -> None:
    bench_refusal()
    bench_injection()
    bench_pii()
    bench_speed()


def bench_refusal() -> None:
    print("| refusal: set | answers (refused) | label | precision | recall | F1 |")
    print("|---|---|---|---|---|---|")
    for name in ("xstest_refusal", "gptfuzz_refusal"):
        rows = read_rows(name)
        is_refusal = [row["label"] == 1 for row in rows]
        values = [refusal(row["text"]).value for row in rows]
        for title, threshold in (("refused", 1.0), ("refused or deflected", 0.5)):
            precision, recall = precision_and_recall([value >= threshold for value in values], is_refusal)
            f1 = 2 * precision * recall / (precision + recall)
            print(f"| {name} | {len(rows)} ({sum(is_refusal)}) | {title} | {precision:.2f} | {recall:.2f} | {f1:.2f} |")


def bench_injection() -> None:
    benign = [injection(row["text"], ()).value for row in read_rows("wildchat_benign")]
    look_alikes = [injection(row["text"], ()).value for row in read_rows("xstest") if row["label"] == 0]
    print("\n| injection: attacks | n | recall | AUROC against | false alarms |")
    print("|---|---|---|---|---|")
    for name in ("deepset_injection", "jailbreak_wild", "jbb_artifacts"):
        rows = read_rows(name)
        attacks = [injection(row["text"], ()).value for row in rows if row["label"] == 1]
        own = [injection(row["text"], ()).value for row in rows if row["label"] == 0]
        print_attacks(name, attacks, "its own benign prompts" if own else "wildchat_benign", own or benign)
    emails = [(injection("", [row["text"]]).value, row["label"] == 1) for row in read_rows("bipia")]
    attacks, clean = ([value for value, is_attack in emails if is_attack is kind] for kind in (True, False))
    print_attacks("bipia, e-mails as contexts", attacks, "clean e-mails", clean)
    for title, values in (("wildchat_benign", benign), ("xstest, safe look-alikes", look_alikes)):
        print(f"\nfalse alarms on {title}: {sum(v >= INJECTION_FROM for v in values)} of {len(values)}")


def print_attacks(name: str, attacks: Sequence[float], other: str, benign: Sequence[float]) -> None:
    area = auroc([*attacks, *benign], [True] * len(attacks) + [False] * len(benign))
    recall, alarms = (rate([value >= INJECTION_FROM for value in values]) for values in (attacks, benign))
    print(f"| {name} | {len(attacks)} | {recall:.2f} | {area:.2f}, {other} ({len(benign)}) | {alarms:.2f} |")


def bench_pii() -> None:
    print("\n| personal data in presidio_pii (synthetic) | in the texts | recall | precision |")
    print("|---|---|---|---|")
    rows = [(row["spans"], pii(row["text"]).marks) for row in read_rows("presidio_pii")]
    for kind, entity in PII_KINDS.items():
        pairs = [
            ([(s, e) for s, e, k in spans if k == entity], [(m["start"], m["end"]) for m in marks if m["kind"] == kind])
            for spans, marks in rows
        ]
        found = [any(overlap(span, mark) for mark in marks) for spans, marks in pairs for span in spans]
        right = [any(overlap(span, mark) for span in spans) for spans, marks in pairs for mark in marks]
        print(f"| {kind} | {len(found)} | {rate(found):.2f} | {rate(right):.2f} |")
    answers = [row["output"] for row in read_rows("drift-wildbench")]
    n_marked = sum(any(mark["kind"] == "phone" for mark in pii(answer).marks) for answer in answers)
    print(
        f"\nanswers of drift-wildbench, mostly code and prose, in which a phone number is seen: "
        f"{n_marked} of {len(answers)}"
    )


def bench_speed() -> None:
    answers = [row["output"] for row in read_rows("drift-wildbench")[:500]]
    began_s = time.process_time()
    for answer in answers:
        assess(answer, answer)
    cpu_s = time.process_time() - began_s
    mean_chars = sum(map(len, answers)) / len(answers)
    print(f"\nprompt and answer of {mean_chars:,.0f} characters each: {len(answers) / cpu_s:,.0f} calls/s of one core")


def precision_and_recall(flagged: Sequence[bool], is_positive: Sequence[bool]) -> tuple[float, float]:
    pairs = list(zip(flagged, is_positive, strict=True))
    return rate([positive for flag, positive in pairs if flag]), rate([flag for flag, positive in pairs if positive])


def overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1]


if __name__ == "__main__":
    main()

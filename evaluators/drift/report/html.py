"""A comparison as a page of its own, and as a part of a notebook."""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from evaluators import features
from evaluators.drift.comparison import Comparison
from evaluators.drift.report import parts, words
from evaluators.drift.report.markup import Markup, el
from evaluators.drift.report.pairs import pairs

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is loaded, sent or run, whatever a text that was escaped badly might ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a comparison was made of, for whoever wants to make it again. Names of files or of queries."""

    reference: str
    current: str
    seed: int
    date: str
    """RFC 3339."""


def page(comparison: Comparison, made: Made | None = None) -> str:
    """A whole HTML document: no script, no request to anywhere, light and dark, narrow and wide."""
    said = words.HEADLINES[comparison.verdict]
    title = f"{said.word}: {made.current} against {made.reference}" if made else f"Drift report: {said.word}"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        _style(),
    )
    subject = f"{made.reference} → {made.current}" if made else ""
    top = el("p", el("b", "Watchkeeper"), " drift report", el("span", subject, dir="auto"), class_="top")
    main = el(
        "main",
        top,
        parts.headline(comparison, level="h1"),
        parts.facts(comparison),
        parts.effects(comparison),
        parts.tests(comparison),
        parts.clusters(comparison),
        pairs(comparison.pairs),
        parts.notes(comparison),
        _how(comparison, made),
        class_="wk page",
    )
    return f"<!doctype html>\n{el('html', head, el('body', main), lang='en')}\n"


def fragment(comparison: Comparison) -> str:
    """For notebooks. Without the styles, which untrusted notebooks strip, it is headings and tables."""
    folded = [
        el("details", el("summary", title), part)
        for title, part in (
            ("Where it changed", parts.clusters(comparison)),
            ("Answers before and after", pairs(comparison.pairs)),
        )
        if part is not None
    ]
    body = (
        parts.headline(comparison, level="h2"),
        parts.facts(comparison),
        parts.effects(comparison),
        parts.tests(comparison),
        folded,
        parts.notes(comparison),
    )
    return el("div", _style(), body, class_="wk notebook")


def _how(comparison: Comparison, made: Made | None) -> Markup:
    told = [
        ("Watchkeeper", version("watchkeeper")),
        ("Behaviours", f"version {features.VERSION}"),
        ("alpha", f"{comparison.alpha:g}"),
        ("n", f"{comparison.n_reference:,} before, {comparison.n_current:,} after"),
    ]
    if made is not None:
        told += [("Reference", made.reference), ("Current", made.current), ("Seed", str(made.seed)),
                 ("Made", made.date)]  # fmt: skip
    rows = (el("div", el("dt", name), el("dd", value, dir="auto")) for name, value in told)
    note = "the same data, alpha and seed give the same result"
    return parts.card("How this was made", el("dl", rows, class_="how"), note=note)


@cache
def _style() -> Markup:
    return Markup(f"<style>{files(__package__).joinpath('report.css').read_text(encoding='utf-8')}</style>")

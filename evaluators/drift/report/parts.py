"""The parts that the report and the notebook view are made of."""

from collections.abc import Sequence

from collector.verdict import Effect
from evaluators.drift.comparison import Cluster, Comparison, WindowTest
from evaluators.drift.report import words
from evaluators.drift.report.markup import Child, Markup, el

N_EFFECTS, N_CLUSTERS = 12, 10
"""Shown at once; the others can be unfolded."""


def headline(comparison: Comparison, *, level: str) -> Markup:
    """The verdict: its mark and word, the sentence, what is behind it."""
    said = words.HEADLINES[comparison.verdict]
    return el(
        "section",
        el("p", el("span", el("span", said.mark, aria_hidden="true"), " ", said.word, class_="chip")),
        el(level, said.sentence),
        el("p", comparison.explanation, dir="auto"),
        class_=f"card verdict {said.tone}",
    )


def facts(comparison: Comparison) -> Markup:
    effects = comparison.effects.values()
    n_moved = sum(map(words.has_moved, effects))
    has_p = comparison.p_value is not None
    told = (
        ("Evidence", f"p = {words.p_value(comparison.p_value)}" if has_p else "none",
         f"a change from {comparison.alpha:g} down, several tests taken into account"),
        ("Compared", f"{comparison.n_reference:,} → {comparison.n_current:,}",
         "answers, or sessions, before and after"),
        ("Moved", f"{n_moved} of {len(effects)}" if effects else "–", "behaviours whose 95 % interval leaves out 0"),
        ("False alarms", f"≤ {words.digits(100 * comparison.alpha)} %", comparison.guarantee),
    )  # fmt: skip
    cells = (el("div", el("dt", name), el("dd", el("b", value)), el("dd", note)) for name, value, note in told)
    return el("dl", cells, class_="card facts")


def card(title: str, *body: Child, note: str = "") -> Markup:
    head = el("header", el("h2", title), el("small", note) if note else None)
    return el("section", head, *body, class_="card")


def tests(comparison: Comparison) -> Markup | None:
    """Each test with its own figures; the verdict's p-value is the adjusted one."""
    if not comparison.tests:
        return None
    head = _head("Test", "Statistic", "p", "n before", "n after", n_texts=1)
    rows = (
        el(
            "tr",
            el("th", _test_name(test), " ", el("small", test.guarantee), scope="row"),
            _number("Statistic", words.digits(test.statistic)),
            _number("p", words.p_value(test.p_value), is_bold=test.p_value <= comparison.alpha),
            _number("n before", f"{test.n_reference:,}"),
            _number("n after", f"{test.n_current:,}"),
        )
        for test in comparison.tests.values()
    )
    table = el("table", head, el("tbody", rows), class_="tests")
    return card("Tests", table, note="p of each test by itself")


def _test_name(test: WindowTest) -> str:
    meaning = words.TESTS.get(test.name)
    return f"{test.name}: {meaning}" if meaning else test.name


def effects(comparison: Comparison) -> Markup | None:
    """Dots with intervals and the figures beside them: the plot is its own table."""
    ordered = words.by_interest(comparison)
    if not ordered:
        return None
    bound = words.bound_of(ordered[:N_EFFECTS])
    shown, rest = ordered[:N_EFFECTS], ordered[N_EFFECTS:]
    more = _folded(len(rest), _effects_table(rest, bound))
    note = "standardised difference d with its 95 % interval; bold: the interval leaves out 0"
    if any(abs(effect.d) > bound for effect in shown):
        note += "; ring: beyond the axis"
    return card("What moved", _effects_table(shown, bound), more, note=note)


def _effects_table(effects: Sequence[Effect], bound: float) -> Markup:
    end = f"{bound:.1f}"
    axis = el("th", el("span", f"−{end}"), " ", el("span", "0"), " ", el("span", f"+{end}"), class_="axis", scope="col",
              aria_label="difference, drawn")  # fmt: skip
    head = el("tr", el("th", "Behaviour", scope="col"), axis, _column("Before → after"), _column("d, interval"))
    rows = (
        el(
            "tr",
            el("th", effect.title, scope="row"),
            el("td", _lane(effect, bound), class_="lane"),
            el("td", " → ".join(words.before_and_after(effect)), class_="n"),
            el("td", words.signed(effect.d),
               el("small", f" {words.signed(effect.low)} to {words.signed(effect.high)}"), class_="n"),
            class_="moved" if words.has_moved(effect) else None,
        )
        for effect in effects
    )  # fmt: skip
    return el("table", el("thead", head), el("tbody", rows), class_="effects")


def _lane(effect: Effect, bound: float) -> Markup:
    def place(value: float) -> float:
        return 50 + 50 * max(-1.0, min(1.0, value / bound))

    low, high = place(effect.low), place(effect.high)
    return el(
        "div",
        el("i", class_="range", style=f"left:{low:.1f}%;width:{high - low:.1f}%"),
        el("i", class_="dot beyond" if abs(effect.d) > bound else "dot", style=f"left:{place(effect.d):.1f}%"),
        aria_hidden="true",
    )


def clusters(comparison: Comparison) -> Markup | None:
    found = comparison.clusters
    if not found:
        return None
    most = max(max(cluster.share_before, cluster.share_after) for cluster in found) or 1.0
    shown, rest = (_clusters_table(part, most, comparison.alpha) for part in (found[:N_CLUSTERS], found[N_CLUSTERS:]))
    more = _folded(len(found) - N_CLUSTERS, rest)
    return card(
        "Where it changed", shown, more, note="topics of the questions, or segments; those that changed most first"
    )


def _clusters_table(clusters: Sequence[Cluster], most: float, alpha: float) -> Markup:
    head = _head("Topic or segment", "Share before → after", "Calls", "Answers: statistic", "p", n_texts=2)
    return el("table", head, el("tbody", (_cluster(each, most, alpha) for each in clusters)), class_="clusters")


def _cluster(cluster: Cluster, most: float, alpha: float) -> Markup:
    bars = el(
        "div",
        el("i", class_="bar before", style=f"width:{100 * cluster.share_before / most:.1f}%"),
        el("i", class_="bar after", style=f"width:{100 * cluster.share_after / most:.1f}%"),
        aria_hidden="true",
    )
    shares = f"{words.percent(cluster.share_before)} → {words.percent(cluster.share_after)}"
    is_moved = cluster.p_value is not None and cluster.p_value <= alpha
    return el(
        "tr",
        el("th", words.cluster_name(cluster), el("span", "new", class_="chip") if cluster.is_new else None, scope="row",
           dir="auto"),
        el("td", bars, el("span", shares), class_="share"),
        _number("calls", f"{cluster.n_before:,} → {cluster.n_after:,}"),
        _number("statistic", "–" if cluster.statistic is None else words.digits(cluster.statistic)),
        _number("p", words.p_value(cluster.p_value), is_bold=is_moved),
    )  # fmt: skip


def notes(comparison: Comparison) -> Markup | None:
    if not comparison.notes:
        return None
    return card("To bear in mind", el("ul", (el("li", note, dir="auto") for note in comparison.notes)))


def _folded(n: int, table: Markup) -> Markup | None:
    return el("details", el("summary", f"{n} more"), table) if n > 0 else None


def _head(*names: str, n_texts: int) -> Markup:
    """`n_texts`: so many columns at the left hold texts, the rest numbers."""
    cells = (el("th", name, scope="col", class_=None if i < n_texts else "n") for i, name in enumerate(names))
    return el("thead", el("tr", cells))


def _column(name: str) -> Markup:
    return el("th", name, scope="col", class_="n")


def _number(name: str, value: str, *, is_bold: bool = False) -> Markup:
    """The name stands before the value where a narrow screen leaves no room for the head."""
    return el("td", el("b", value) if is_bold else value, class_="n", data_name=name)

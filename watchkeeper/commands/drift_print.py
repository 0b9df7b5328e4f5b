"""A comparison on a terminal, or as plain text where there is none."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.verdict import Effect
from evaluators.drift.comparison import Comparison
from evaluators.drift.report import words
from evaluators.drift.report.markup import visible

N_EFFECTS = 8
N_CLUSTERS = 8
_LANE = 21
_STYLES: dict[words.Tone, str] = {"crit": "bold red", "warn": "bold yellow", "good": "bold green", "quiet": "bold"}


def show(comparison: Comparison) -> None:
    console = Console(highlight=False)
    said = words.HEADLINES[comparison.verdict]
    console.print(Text(f"{said.mark} {comparison.verdict}: {said.sentence}", style=_STYLES[said.tone]), soft_wrap=True)
    console.print(_plain(comparison.explanation), soft_wrap=True)
    for title, table in (
        ("Tests", _tests(comparison)),
        ("What moved", _effects(comparison)),
        ("Where it changed", _clusters(comparison)),
    ):
        if table.row_count:
            console.print()
            console.print(Text(title, style="bold"))
            console.print(table)
    console.print()
    console.print(_plain(f"{comparison.guarantee}."), soft_wrap=True)
    for note in comparison.notes:
        console.print(_plain(f"Note: {note}"), soft_wrap=True)


def _tests(comparison: Comparison) -> Table:
    table = _table("test", "of", n_numbers=("statistic", "p", "n before", "n after"))
    for test in comparison.tests.values():
        style = "bold" if test.p_value <= comparison.alpha else None
        figures = (words.digits(test.statistic), words.p_value(test.p_value), f"{test.n_reference:,}",
                   f"{test.n_current:,}")  # fmt: skip
        table.add_row(_plain(test.name), _plain(words.TESTS.get(test.name, "")), *figures, style=style)
    return table


def _effects(comparison: Comparison) -> Table:
    shown = words.by_interest(comparison)[:N_EFFECTS]
    bound = words.bound_of(shown)
    table = _table("behaviour", f"−{bound:.1f} to +{bound:.1f}", n_numbers=("before → after", "d", "95 % interval"))
    for effect in shown:
        table.add_row(
            _plain(effect.title),
            lane(effect, bound),
            " → ".join(words.before_and_after(effect)),
            words.signed(effect.d),
            f"{words.signed(effect.low)} to {words.signed(effect.high)}",
            style="bold" if words.has_moved(effect) else "dim",
        )
    return table


def _clusters(comparison: Comparison) -> Table:
    table = _table("topic or segment", n_numbers=("share before → after", "calls", "p of the answers"))
    for cluster in comparison.clusters[:N_CLUSTERS]:
        table.add_row(
            _plain(words.cluster_name(cluster) + (" (new)" if cluster.is_new else "")),
            f"{words.percent(cluster.share_before)} → {words.percent(cluster.share_after)}",
            f"{cluster.n_before:,} → {cluster.n_after:,}",
            words.p_value(cluster.p_value),
        )
    return table


def lane(effect: Effect, bound: float) -> str:
    """`──●──` on an axis of `_LANE` characters with 0 in the middle."""

    def place(value: float) -> int:
        return round((1 + max(-1.0, min(1.0, value / bound))) / 2 * (_LANE - 1))

    drawn = [" "] * _LANE
    drawn[_LANE // 2] = "│"
    low, high = place(effect.low), place(effect.high)
    drawn[low : high + 1] = "─" * (high - low + 1)
    drawn[place(effect.d)] = "●"
    return "".join(drawn)


def _table(*texts: str, n_numbers: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in texts:
        table.add_column(name)
    for name in n_numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _plain(value: str) -> Text:
    """What models and users wrote is neither markup of ours nor an order to the terminal."""
    return Text(visible(value))

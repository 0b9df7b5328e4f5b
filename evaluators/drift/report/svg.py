"""Plots as SVG texts, for notebooks, slides and papers: no plotting library, nothing to load."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collector.verdict import Effect
from evaluators.drift.comparison import Cluster, Comparison
from evaluators.drift.report import words
from evaluators.drift.report.markup import Markup, el

Theme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of the dashboard, as values: an image has no style sheet to ask."""

    card: str
    line: str
    ink: str
    ink2: str
    s1: str
    s6: str


_PALETTES: dict[Theme, Palette] = {
    "light": Palette("#FFFFFF", "#E3E6EA", "#14181F", "#545C68", "#0072B2", "#7F858E"),
    "dark": Palette("#171A1F", "#2A2F37", "#E8EAED", "#A9B1BD", "#4DA3E0", "#878D93"),
}
_FONT = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
_WIDTH, _ROW, _HEAD, _FOOT = 760, 24, 48, 30
_LEFT, _RIGHT = 290, 130
"""Room for names, and for figures."""
_MAX_NAME = 42


@dataclass(frozen=True, slots=True)
class Plot:
    """An SVG image; the last line of a notebook's cell shows it."""

    svg: str

    def save(self, path: str | Path) -> None:
        Path(path).write_text(self.svg, encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg


def effects_plot(comparison: Comparison, *, n: int, theme: Theme) -> Plot:
    """The behaviours that moved furthest: Cohen's d as dots, 95 % intervals as bars, moved ones coloured."""
    colours = _PALETTES[theme]
    shown = words.by_interest(comparison)[:n]
    bound = words.bound_of(shown)
    return _plot(
        "What moved, standard deviations",
        [_effect(i, effect, bound, colours) for i, effect in enumerate(shown)],
        [(-bound, f"−{bound:.1f}"), (0.0, "0"), (bound, f"+{bound:.1f}")],
        colours,
        low=-bound,
        high=bound,
    )


def clusters_plot(comparison: Comparison, *, n: int, theme: Theme) -> Plot:
    """Which share of the calls each topic or segment was before (grey) and is now (coloured)."""
    colours = _PALETTES[theme]
    shown = comparison.clusters[:n]
    most = max((max(c.share_before, c.share_after) for c in shown), default=1.0) or 1.0
    return _plot(
        "Topics or segments, share of calls before (grey) and after",
        [_cluster(i, cluster, most, colours) for i, cluster in enumerate(shown)],
        [(0.0, "0"), (most, words.percent(most))],
        colours,
        low=0.0,
        high=most,
    )


def _plot(
    title: str,
    rows: Sequence[Markup],
    ticks: Sequence[tuple[float, str]],
    colours: Palette,
    *,
    low: float,
    high: float,
) -> Plot:
    height = _HEAD + _ROW * max(len(rows), 1) + _FOOT
    bottom = _HEAD + _ROW * max(len(rows), 1)
    empty = None if rows else _label(_WIDTH / 2, _HEAD + 16, "nothing to show", colours.ink2, anchor="middle")
    drawing = el(
        "svg",
        el("rect", width=str(_WIDTH), height=str(height), rx="8", fill=colours.card),
        _label(16, 28, title, colours.ink, weight="600"),
        _grid(ticks, bottom, colours, low, high) if rows else None,
        rows,
        empty,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        width=str(_WIDTH),
        height=str(height),
        role="img",
        aria_label=title,
        font_family=_FONT,
        font_size="13",
    )
    return Plot(str(drawing))


def _grid(
    ticks: Sequence[tuple[float, str]], bottom: float, colours: Palette, low: float, high: float
) -> Iterator[Markup]:
    for value, name in ticks:
        x = _x(value, low, high)
        yield el("path", d=f"M{x:.1f} {_HEAD}V{bottom}", stroke=colours.line)
        yield _label(x, bottom + 18, name, colours.ink2, anchor="middle")


def _effect(place: int, effect: Effect, bound: float, colours: Palette) -> Markup:
    y = _HEAD + _ROW * place + _ROW / 2
    moved = words.has_moved(effect)
    colour, weight = (colours.s1, "600") if moved else (colours.s6, "400")
    low, x, high = (_x(value, -bound, bound) for value in (effect.low, effect.d, effect.high))
    figures = f"{words.signed(effect.d)}  ({words.signed(effect.low)} to {words.signed(effect.high)})"
    return el(
        "g",
        el("title", f"{effect.title}: {' → '.join(words.before_and_after(effect))}, d = {figures}"),
        _label(16, y + 4, _short(effect.title), colours.ink, weight=weight),
        el("path", d=f"M{low:.1f} {y}H{high:.1f}", stroke=colour, stroke_width="3", stroke_linecap="round"),
        _beyond(x, y, colour, colours) if abs(effect.d) > bound else _dot(x, y, colour),
        _label(_WIDTH - 16, y + 4, " → ".join(words.before_and_after(effect)), colours.ink2, anchor="end"),
    )


def _cluster(place: int, cluster: Cluster, most: float, colours: Palette) -> Markup:
    y = _HEAD + _ROW * place + _ROW / 2
    before, after = (_x(share, 0.0, most) for share in (cluster.share_before, cluster.share_after))
    shares = f"{words.percent(cluster.share_before)} → {words.percent(cluster.share_after)}"
    name = f"{words.cluster_name(cluster)}{' (new)' if cluster.is_new else ''}"
    return el(
        "g",
        el("title", f"{name}: {shares}"),
        _label(16, y + 4, _short(name), colours.ink),
        el("path", d=f"M{before:.1f} {y}H{after:.1f}", stroke=colours.line, stroke_width="3"),
        _dot(before, y, colours.s6),
        _dot(after, y, colours.s1),
        _label(_WIDTH - 16, y + 4, shares, colours.ink2, anchor="end"),
    )


def _dot(x: float, y: float, colour: str) -> Markup:
    return el("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="5", fill=colour)


def _beyond(x: float, y: float, colour: str, colours: Palette) -> Markup:
    """A ring: the value is further away than the axis shows."""
    return el("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="4", fill=colours.card, stroke=colour, stroke_width="2.5")


def _x(value: float, low: float, high: float) -> float:
    """Within the drawing, also for what lies beyond the axis."""
    share = (min(max(value, low), high) - low) / (high - low)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _label(x: float, y: float, name: str, colour: str, *, anchor: str = "start", weight: str = "400") -> Markup:
    return el("text", name, x=f"{x:.1f}", y=f"{y:.1f}", fill=colour, text_anchor=anchor, font_weight=weight)


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"

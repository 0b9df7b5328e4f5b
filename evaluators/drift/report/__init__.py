"""A comparison for people: a page, a view in a notebook, plots."""

from evaluators.drift.report.html import Made, fragment, page
from evaluators.drift.report.svg import Plot, clusters_plot, effects_plot

__all__ = ["Made", "Plot", "clusters_plot", "effects_plot", "fragment", "page"]

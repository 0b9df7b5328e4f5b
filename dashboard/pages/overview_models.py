"""The table that the charts of the overview are made of: one row per model."""

from dashboard import words
from dashboard.colours import colour
from dashboard.pages.base import View
from dashboard.pages.overview_facts import GROUNDED, N_GROUNDED, Facts
from dashboard.table import Cell, Column, Row, Table


def models_table(view: View, facts: Facts) -> Table:
    rows = [dict(zip(facts.models, row, strict=True)) for row in zip(*facts.models.values(), strict=True)]
    names = facts.grounded_models["request_model"]
    grounded = dict(
        zip(names, zip(facts.grounded_models[GROUNDED], facts.grounded_models[N_GROUNDED], strict=True), strict=True)
    )
    places = view.services.colours.places(
        "request_model", [row["request_model"] for row in rows if row["request_model"]]
    )
    columns = [Column(title="Model", sortable=True, width="22%")] + [
        Column(title=title, numeric=True, sortable=True, hint=hint)
        for title, hint in (
            ("Requests", None),
            ("Errors", "Share of calls that failed"),
            ("Latency p50", None),
            ("Latency p95", None),
            ("First token p50", "Streamed calls"),
            ("Input tokens", None),
            ("Output tokens", None),
            ("Cost", "A dash: no price is known, which is not free"),
            ("Grounded", "Share of answers that their contexts support"),
        )
    ]

    def number(quantity: words.Quantity, value: float | None, hint: str | None = None) -> Cell:
        return Cell(text=str(quantity), sort=-1.0 if value is None else float(value), hint=hint)

    table_rows = []
    for row in sorted(rows, key=lambda row: -row["requests"]):
        name = row["request_model"]
        share, n = grounded.get(name, (None, None))
        unpriced = f"{row['unpriced']:,} of {row['requests']:,} calls have no known price" if row["unpriced"] else None
        cells = [
            Cell(text=name or "unnamed", key=colour(places[name]) if name else "s6", sort=name or ""),
            number(words.count(row["requests"]), row["requests"], f"{row['requests']:,}"),
            number(words.percent(row["error_rate"]), row["error_rate"]),
            number(words.seconds(row["latency_p50_s"]), row["latency_p50_s"]),
            number(words.seconds(row["latency_p95_s"]), row["latency_p95_s"]),
            number(words.seconds(row["ttft_p50_s"]), row["ttft_p50_s"]),
            number(words.count(row["input_tokens"]), row["input_tokens"]),
            number(words.count(row["output_tokens"]), row["output_tokens"]),
            number(words.usd(row["cost_usd"]), row["cost_usd"], unpriced),
            number(words.percent(share), share, f"n = {n:,}" if n else "no answers with contexts"),
        ]
        table_rows.append(Row(cells=cells, href=view.to("/traces", request_model=name) if name else None))
    return Table(label="Models in this range", columns=columns, rows=table_rows)

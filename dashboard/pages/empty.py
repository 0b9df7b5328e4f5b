"""What a page shows before there is anything to show."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from collector.query import Filters as CallFilters
from collector.times import NS_PER_S
from dashboard import parts
from dashboard.pages.base import View

FIRST_SPAN = """\
pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http openinference-instrumentation-openai
export OTEL_SERVICE_NAME=support OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_ENDPOINT={otlp_url}
opentelemetry-instrument python your_app.py"""

_ALL_TIME_NS = 2**62


def has_calls(view: View, *, ever: bool = False) -> bool:
    """Whether a call was sent in the range, or `ever`."""
    filters = CallFilters(since_ns=0, until_ns=_ALL_TIME_NS) if ever else view.calls
    return bool(view.services.store.calls(filters, limit=1).items)


def nothing_sent(view: View) -> list[Component]:
    """Nothing was ever sent."""
    return [
        parts.answer("quiet", "No calls yet. Watchkeeper is ready to take them."),
        html.Section(
            parts.empty(
                "Send the first span",
                [
                    html.P("Any OpenTelemetry SDK or instrumentation of a model client can send here. With OpenAI's:"),
                    parts.code(FIRST_SPAN.format(otlp_url=view.services.otlp_url)),
                    html.P(
                        [
                            "Without OpenTelemetry, post requests and answers as plain JSON to ",
                            html.Code("/api/v1/calls"),
                            ". This page fills by itself when the first call arrives.",
                        ]
                    ),
                ],
            ),
            className="card",
        ),
    ]


def nothing_in_range(view: View) -> list[Component]:
    """There are calls, but the bar leaves none of them."""
    newest = view.services.store.calls(CallFilters(since_ns=0, until_ns=_ALL_TIME_NS), limit=1).items
    ways: list[parts.Child] = [
        html.A(
            "Show all services and models",
            href=view.here(service=None, request_model=None, environment=None, project=None),
        )
    ]
    sentence: Sequence[parts.Child] = ["No calls match the filters in this range."]
    if newest:
        start_ns = newest[0].start_ns
        sentence = [
            "No calls match the filters in this range. The newest call of all is from ",
            parts.ago(start_ns, view.now_ns),
            ".",
        ]
        around = {
            "since_ns": (start_ns // NS_PER_S - 3540) * NS_PER_S,
            "until_ns": (start_ns // NS_PER_S + 60) * NS_PER_S,
        }
        ways.append(html.A("Show the hour before the newest call", href=view.here(**around, cursor=None)))
    links = html.P([part for way in ways for part in (way, "  ·  ")][:-1])
    return [
        parts.answer("quiet", sentence),
        html.Section(parts.empty("Nothing in this range", links), className="card"),
    ]

"""Events on a span of a model call that carry its messages, as the conventions up to 1.36 and many libraries have it.

One message an event (`gen_ai.user.message`, `gen_ai.choice`), all of them in one (`gen_ai.content.prompt`), or the
details event of the current conventions, written on the span instead of into a log.
"""

from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.details import DETAILS_EVENT, facts_of_details
from collector.dialects.finish import reasons_of
from collector.dialects.message_events import MESSAGE_EVENTS, in_order, messages_of_event


def describe(span: SpanView) -> Facts:
    """The messages and what else the events of `span` tell, an earlier event before a later one."""
    facts: Facts = {}
    messages: dict[str, list[dict[str, Any]]] = {"input_messages": [], "output_messages": []}
    for event in span.events:
        if event["name"] == DETAILS_EVENT:
            facts = facts_of_details(event["attributes"]) | facts
        elif event["name"] in MESSAGE_EVENTS:
            found = messages_of_event(event["name"], None, event["attributes"])
            if found is not None:
                messages[found.side] += found.messages
    answers = in_order(messages["output_messages"])
    told = {
        "input_messages": messages["input_messages"] or None,
        "output_messages": answers or None,
        "finish_reasons": reasons_of(answers or facts.get("output_messages", ())) or None,
    }
    return {name: value for name, value in (told | facts).items() if value is not None}


SPAN_EVENTS = Dialect(name="span events", events=frozenset((*MESSAGE_EVENTS, DETAILS_EVENT)), describe=describe)

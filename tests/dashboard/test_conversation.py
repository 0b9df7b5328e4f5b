"""What a call said becomes components: texts as texts, marks where scores put them."""

from hypothesis import given
from hypothesis import strategies as st

from collector.batch import call_id_of
from collector.call import Call
from collector.score import Score
from dashboard import opinions
from dashboard.conversation import conversation
from dashboard.marks import Mark, placed_parts, segments
from dashboard.markup import to_html
from tests.dashboard.agent_trace import HOSTILE, agent_trace

START_NS = 1_780_000_000_000_000_000
TRACE, SPAN = "ab" * 16, "cd" * 8


def a_call(**more):
    facts = {"call_id": call_id_of(TRACE, SPAN), "trace_id": TRACE, "span_id": SPAN, "start_ns": START_NS}
    return Call(**(facts | {"request_model": "gpt-4", "latency_s": 2.0} | more))


def a_score(**more):
    facts = {
        "target_id": "x", "target_start_ns": START_NS, "evaluator": "groundedness", "version": "1", "source": "model",
        "value": 0.2, "label": "ungrounded", "created_ns": START_NS,
    }  # fmt: skip
    return Score(**(facts | more))


def said(role, *parts):
    return {"role": role, "parts": [{"type": "text", "content": p} if isinstance(p, str) else p for p in parts]}


def shown(call, scores=(), trace_start_ns=START_NS):
    return to_html(conversation(call, scores, trace_start_ns=trace_start_ns))


def test_marks_count_code_points_and_not_utf16():
    pieces = segments("🙈🙉 was 24 hours", [Mark(7, 9, "groundedness", "number")])
    assert [(piece.text, bool(piece.marks)) for piece in pieces] == [
        ("🙈🙉 was ", False),
        ("24", True),
        (" hours", False),
    ]


def test_marks_may_overlap_and_reach_outside():
    pieces = segments("abcdef", [Mark(1, 4, "a", ""), Mark(3, 99, "b", ""), Mark(7, 9, "c", ""), Mark(2, 2, "d", "")])
    assert [(piece.text, "".join(mark.evaluator for mark in piece.marks)) for piece in pieces] == [
        ("a", ""), ("bc", "a"), ("d", "ab"), ("ef", "b"),
    ]  # fmt: skip


marks = st.builds(Mark, st.integers(0, 12), st.integers(0, 12), st.just("groundedness"), st.just("word"))


@given(st.text(max_size=10), st.lists(marks, max_size=6), st.integers(0, 5))
def test_segments_join_to_the_text_and_each_character_has_its_marks(text, given_marks, offset):
    pieces = segments(text, given_marks, offset=offset)
    assert "".join(piece.text for piece in pieces) == text
    marked = [bool(piece.marks) for piece in pieces for _ in piece.text]
    expected = [any(mark.start <= i + offset < mark.end for mark in given_marks) for i in range(len(text))]
    assert marked == expected


def test_marks_find_their_part_in_an_answer_of_many_parts():
    call = a_call(
        output_messages=[
            said("assistant", "one", {"type": "reasoning", "content": "hm"}, "two"),
            said("assistant", "three"),
        ]
    )
    for _, placed in placed_parts(call.output_messages):
        for part, offset in placed:
            if part["type"] == "text":
                assert call.output_text[offset:].startswith(part["content"])
    start = call.output_text.index("two")
    page = shown(call, [a_score(marks=({"start": start, "end": start + 3, "kind": "word"},))])
    assert '<mark class="unsupported" title="not in the contexts">two</mark>' in page
    assert page.count("<mark") == 1


def test_the_real_evaluators_marks_underline_what_the_contexts_lack():
    made = agent_trace(START_NS)
    page = to_html(conversation(made.calls[-1], made.scores, trace_start_ns=START_NS))
    assert ">24 hours</mark>" in page
    assert "Henderson" in page.split("<mark", 2)[2]
    assert "2 passages unsupported" in page
    assert "doubtful 0." in page


def test_texts_stay_texts():
    made = agent_trace(START_NS)
    page = to_html(conversation(made.calls[-1], made.scores, trace_start_ns=START_NS))
    assert HOSTILE not in page
    assert "&lt;script&gt;window.hacked" in page


def test_times_are_relative_to_the_start_of_the_trace():
    call = a_call(input_messages=[said("user", "hi")], output_messages=[said("assistant", "ho")], output_tokens=7)
    page = shown(call, trace_start_ns=START_NS - 1_500_000_000)
    assert ">+1.50 s</time>" in page
    assert ">+3.50 s</time> · 2.00 s · 7 tokens" in page


def test_instructions_and_earlier_messages_fold_and_the_last_question_is_open():
    call = a_call(
        system_instructions=[{"type": "text", "content": "be brief"}],
        input_messages=[
            said("system", "be kind"), said("user", "first"), said("assistant", "reply"), said("user", "last"),
        ],
    )  # fmt: skip
    page = shown(call)
    folded = [part.split("</details>")[0] for part in page.split("<details")[1:]]
    assert "2 earlier messages" in page
    assert all(any(text in part for part in folded) for text in ("be brief", "be kind", "first"))
    assert "last" in page.rsplit("</details>", 1)[1]


def test_a_tool_call_stands_with_its_result_once():
    call = a_call(
        input_messages=[
            said("user", "where is it"),
            said("assistant", {"type": "tool_call", "id": "t1", "name": "lookup", "arguments": '{"order": 7}'}),
            said("tool", {"type": "tool_call_response", "id": "t1", "response": "delivered"}),
            said("tool", {"type": "tool_call_response", "id": "t0", "response": "of another time"}),
        ],
        output_messages=[said("assistant", {"type": "tool_call", "id": "t2", "name": "refund", "arguments": None})],
    )
    page = shown(call)
    assert page.count("delivered") == 1
    assert "Result of a tool" in page
    assert page.count("no result in this call") == 1
    assert "&quot;order&quot;: 7" in page


def test_media_and_unknown_parts_are_named_and_not_dropped():
    call = a_call(
        input_messages=[
            said(
                "user",
                {"type": "uri", "modality": "image", "uri": "https://example.com/a.png"},
                {"type": "odd", "x": 1},
            )
        ]
    )
    page = shown(call)
    assert "image: https://example.com/a.png" in page
    assert "odd" in page
    assert "<img" not in page


def test_a_failure_says_what_happened():
    page = shown(a_call(error_type="RateLimitError", error_message="429: try again in 20 s"))
    assert "▲ Failed: RateLimitError" in page
    assert "429: try again in 20 s" in page


def test_a_long_text_ends_with_where_the_rest_is():
    page = shown(a_call(input_messages=[said("user", "x" * 60_000)]))
    assert "10,000 more characters" in page
    assert len(page) < 55_000


def test_a_call_without_messages_says_so():
    assert "told no messages" in shown(a_call())


def test_the_newest_score_of_each_evaluator_and_author_counts():
    old, new = a_score(version="1", label="grounded"), a_score(version="2", created_ns=START_NS + 1)
    person = a_score(evaluator="human:groundedness", author="Ada", label="grounded", source="human")
    withdrawn = a_score(evaluator="human:groundedness", author="Ben", label="withdrawn", value=None, source="human")
    newest = opinions.latest([new, person, old, withdrawn])
    assert [opinions.word(score) for score in newest] == ["ungrounded 0.20", "grounded, says Ada"]


def test_a_state_is_told_by_a_sign_a_word_and_a_colour():
    assert to_html(opinions.chip(a_score())) == '<span class="chip crit">▲ ungrounded 0.20</span>'
    assert "✓ no personal data" in to_html(opinions.chip(a_score(evaluator="pii", label="none", value=0.0)))
    assert "helpfulness 4, says the judge" in to_html(
        opinions.chip(a_score(evaluator="judge:helpfulness", label="4", value=0.75, source="judge"))
    )

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.features import BY_NAME, NAMES, TITLES, ToolCall, features

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=400)
"""Lone surrogates and unassigned characters included: telemetry holds whatever a client sent."""


def measured(text: str, *tool_calls: ToolCall) -> dict[str, float]:
    return dict(zip(NAMES, features(text, tool_calls), strict=True))


@given(ANY_TEXT)
def test_any_text_gives_a_full_row_of_small_finite_numbers(text: str) -> None:
    row = features(text)
    assert len(row) == len(NAMES) == len(TITLES) == len(set(NAMES))
    assert all(0 <= value <= 12 for value in row)


@given(st.text("abc,.[]{}()#*`|-:1 \n\"'$\\_=？，я好", max_size=300))
def test_markup_soup_stays_within_the_range_of_its_kind(text: str) -> None:
    for name, value in measured(text, ToolCall(text, text)).items():
        if BY_NAME[name].kind in ("share", "flag"):
            assert 0 <= value <= 1, name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "a" * 100_000,
        "好" * 100_000,
        "[" * 100_000,
        '{"a":' * 30_000,
        "\n{" * 30_000,
        "```json\n{\n" * 10_000,
        "[" + "1," * 100_000 + "1]",
        "\ud800" * 50,
        "`*|#" * 25_000,
        "1" * 9_000,
        "$" + "a" * 20_000,
        "static " * 3_000,
        "const a = (" * 2_000,
        "\n" * 100_000,
    ],
)
def test_extreme_texts_are_measured_too_and_soon(text: str) -> None:
    began_s = time.process_time()
    row = features(text, [ToolCall("", text)])
    # An ordinary text takes half a millisecond; a pattern that backtracks would take minutes.
    assert time.process_time() - began_s < 2
    assert all(math.isfinite(value) and 0 <= value <= 12.5 for value in row)


def test_a_huge_text_does_not_dominate() -> None:
    assert measured("word " * 20_000)["words"] < 4 * measured("word " * 20)["words"]


def test_the_length_of_a_huge_text_is_its_own() -> None:
    assert measured("a" * 100_000)["characters"] == math.log1p(100_000)


def test_the_same_text_gives_the_same_row() -> None:
    assert features("Sure! Here is a list:\n- one\n- two") == features("Sure! Here is a list:\n- one\n- two")


@pytest.mark.parametrize(
    ("text", "behaviour"),
    [
        ("I'm sorry, but I can’t assist with that.", "refusal"),
        ("I'm sorry, but I can't assist with that.", "apology"),
        ("As an AI language model, I have no opinions.", "as_an_ai"),
        ("Sure! Here you go.", "filler_opener"),
        ("Done. Let me know if you need any changes.", "closing_offer"),
        ("Yes, that is so.", "starts_yes"),
        ("[No]", "starts_no"),
        ("[No]", "starts_with_mark"),
        ("42 is the answer", "starts_with_digit"),
        ('{"a": [1, 2]}', "json"),
        ('```json\n{"a": 1}\n```', "json"),
        ("```python\nprint(1)\n```", "opens_with_code"),
        ("The answer is that the", "cut_off"),
        ("```\nls -l\n```", "bare_code"),
        ("@@ -1 +1 @@\n-a\n+b".join(("```diff\n", "\n```")), "diff"),
        ('Here it is:\n```json\n{"a": 1}\n```', "json_part"),
        ('The values:\n{"a": 1}\nThat is all.', "json_part"),
        ('{"a": 1,}', "json_broken"),
        ('{"a": [1, 2', "json_broken"),
        ("```json\n{'a': 1}\n```", "json_broken"),
        ("<think>Hm.</think>The sky is blue.", "thinking"),
        ("You're absolutely right, it is blue.", "praise"),
        ("It is blue. Shall I go on?", "closing_question"),
        ("It is blue, then grey. In conclusion, it varies.", "summary"),
        ("So we get \\boxed{4}.", "final_answer"),
        ("Dabei kann ich nicht helfen.", "refusal"),
        ("Je ne peux pas vous aider avec cette demande.", "refusal"),
        ("Lo siento, no puedo ayudar con eso.", "apology"),
        ("Non posso fornire queste informazioni.", "refusal"),
        ("Não posso fornecer instruções.", "refusal"),
        ("К сожалению, я не могу помочь.", "refusal"),
        ("抱歉，我无法提供这些信息。", "refusal"),
        ("申し訳ありませんが、お手伝いできません。", "apology"),
        ("죄송하지만 도와드릴 수 없습니다.", "refusal"),
        ("Als KI-Modell habe ich keine Meinung.", "as_an_ai"),
        ("Да, это так.", "starts_yes"),
        ("Gerne! Das Wetter ist heute gut.", "filler_opener"),
        ("如果您还有问题，请告诉我。", "closing_offer"),
    ],
)
def test_a_habit_is_seen_where_it_is_and_only_there(text: str, behaviour: str) -> None:
    assert measured(text)[behaviour] == 1
    assert measured("The sky looks blue at noon.")[behaviour] == 0


@pytest.mark.parametrize(
    ("text", "behaviour", "n"),
    [
        ("one two three", "words", 3),
        ("One. Two! Three?", "sentences", 3),
        ("a\n\nb\n\nc", "paragraphs", 3),
        ("- a\n* b\n• c", "bullets", 3),
        ("1. a\n2) b", "numbered", 2),
        ("(A) yes\nB) no", "lettered", 2),
        ("# a\n## b", "headers", 2),
        ("| a | b |\n|---|---|", "table_rows", 2),
        ("```\nx\n```\ntext\n```\ny\n```", "code_fences", 2),
        ("use `a` and `b`", "inline_code", 2),
        ("**a** and **b**", "bold", 2),
        ("see https://a.example and [b](c)", "links", 2),
        ("fine 🙂🙂", "emoji", 2),
        ("Why? How?", "questions", 2),
        ("为什么？怎么办？", "questions", 2),
        ("天很蓝。海也蓝！", "sentences", 2),
        ("यह सच है। वह भी।", "sentences", 2),
        ("今日は晴れ", "words", 5),
        ("नमस्ते दुनिया", "words", 2),
        ("一、甲\n二、乙", "numbered", 2),
        ("①甲\n②乙", "numbered", 2),
        ("●甲\n・乙", "bullets", 2),
        ("- a\n  - b\n  - c", "nested_items", 2),
        ("a\n\n---\n\nb\n***", "rules", 2),
        ("As shown [1] and again [2].", "links", 2),
        (r"Take \(x\) and $y_1$.", "formulas", 2),
        ("```python\nimport os\ndef f():\n    return 1\n```", "definitions", 2),
        ("import os\n\nclass A {\n}", "definitions", 2),
        ('```python\ndef f(a: int) -> str:\n    """Say."""\n```', "code_care", 3),
        ('{"a": {"b": [1, null]}}', "json_keys", 2),
        ('{"a": {"b": [1, null]}}', "json_depth", 4),
    ],
)
def test_counts_are_counts(text: str, behaviour: str, n: int) -> None:
    assert measured(text)[behaviour] == pytest.approx(math.log1p(n))


def test_a_comment_in_a_code_block_is_no_header_and_its_items_no_list() -> None:
    row = measured("```python\n# a comment\n- x\n```")
    assert row["headers"] == row["bullets"] == 0


def test_something_in_braces_that_does_not_parse_is_no_json() -> None:
    assert measured("{almost: json}")["json"] == 0


def test_prose_is_no_code_and_code_is_code_without_a_fence() -> None:
    prose = "From here on, let us import nothing.\nReturn to the class: it is for all.\nUsing words."
    assert measured(prose)["code_lines"] == 0
    assert measured("int main() {\n  return 0;\n}")["code_lines"] == 1


def test_the_comments_of_code_are_a_share_of_its_lines() -> None:
    assert measured("```\n# one\nx = 1\n// two\ny = 2\n```\nDone.")["comments"] == 0.5


def test_json_is_described_where_the_whole_answer_is_json() -> None:
    row = measured('{"first_name": null, "notes": "", "age": 3, "last_name": "Ng"}')
    assert (row["json_empty"], row["json_snake_case"]) == (0.4, 0.5)
    assert measured('So:\n{"first_name": null}')["json_keys"] == 0


def test_tool_calls_are_an_answer_without_words() -> None:
    row = measured("", ToolCall("search", '{"query": "a", "limit": null}'), ToolCall("search", '{"query": '))
    assert row["tool_calls"] == math.log1p(2)
    assert row["tool_kinds"] == row["tool_keys"] == math.log1p(1)
    assert row["tool_name_letters"] == math.log1p(6)
    assert (row["tool_only"], row["tool_broken"]) == (1, 0.5)
    assert row["tool_empty"] == pytest.approx(1 / 6)
    assert measured("Searching.", ToolCall("search", "{}"))["tool_only"] == 0
    assert all(value == 0 for name, value in measured("").items() if name.startswith("tool"))


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Привет, мир", "cyrillic"),
        ("你好世界", "han"),
        ("こんにちは", "kana"),
        ("안녕하세요", "hangul"),
        ("مرحبا بالعالم", "right_to_left"),
        ("नमस्ते", "indic"),
    ],
)
def test_scripts_are_told_apart(text: str, script: str) -> None:
    row = measured(text)
    assert row[script] == 1
    assert measured(f"{text} {'abc' * len(text)}")[script] < 0.5
    assert measured("Plain, naïve words — “quoted”.")[script] == 0


def test_typography_is_counted_per_word() -> None:
    row = measured("It’s “so” — or – not")
    assert row["dashes"] == pytest.approx(2 / 4)
    assert row["curly_quotes"] == pytest.approx(3 / 4)
    assert row["contractions"] == pytest.approx(1 / 4)


def test_english_is_not_searched_for_the_phrases_of_other_languages() -> None:
    text = "The word lamento is of the Italian stage, and it is the name for a song that has to be slow."
    assert measured(text)["apology"] == 0


def test_languages_are_told_apart_by_their_function_words() -> None:
    german = measured("Das ist nicht der Grund, und ich weiß das auch von den anderen.")
    english = measured("That is not the reason, and I have it from the others.")
    assert german["other_language"] > 0.3 > german["english"]
    assert english["english"] > 0.3 > english["other_language"]


def test_a_loop_of_a_broken_model_shows_as_repetition() -> None:
    assert measured("the end of the line " * 50)["repetition"] > 0.9
    assert measured("Every word of this sentence stands here exactly one time.")["repetition"] == 0

"""The report of a comparison: what it tells, and that what models wrote stays text."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal, get_args
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.drift.comparison import Comparison, Outcome
from evaluators.drift.report import Made, fragment, page, words
from evaluators.drift.report.pairs import MAX_CHARACTERS
from tests.evaluators.comparisons import a_cluster, a_comparison, a_pair, a_test, an_effect, no_data

MADE = Made(reference="march.jsonl", current="june.jsonl", seed=7, date="2026-11-21T12:00:00Z")
HOSTILE = (
    '</div><script>alert(1)</script><img src="http://evil.test/x" onerror=alert(1)> & "quoted" \x1b[2J \ud800 \x00'
)


class Seen(HTMLParser):
    """The elements of a page, their attributes, and its text without styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, set[str]] = {}
        self.texts: list[str] = []
        self._in_style = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_style = tag == "style"
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))


def test_the_page_tells_the_verdict_first_and_then_what_it_rests_on() -> None:
    text = Seen(page(a_comparison(), MADE)).text
    told = (
        "Model changed", "The model answers differently now.", "61 % longer", "p = 0.01", "200 → 120", "1 of 2",
        "At most 5 false alarms in 100", "Title of words", "40 → 61.5", "+0.50 +0.20 to +0.80", "Title of bold",
        "model: answers, without what their questions explain Exact",
        "188", "0.005", "prime, number", "42 % → 31 %", "refundnew", "Why?",
        "Press the red button.", "3 answers without a text", "march.jsonl", "june.jsonl", "Seed7", "2026-11-21T12:00",
    )  # fmt: skip
    assert [each for each in told if each not in text] == []
    assert text.index("The model answers differently now.") < text.index("p = 0.01") < text.index("188")


@pytest.mark.parametrize("verdict", get_args(Outcome))
def test_every_verdict_has_a_sentence_of_its_own(verdict: Outcome) -> None:
    sentence = words.HEADLINES[verdict].sentence
    assert sentence in Seen(page(a_comparison(verdict=verdict))).text
    assert sum(headline.sentence == sentence for headline in words.HEADLINES.values()) == 1


def test_without_data_there_are_no_figures() -> None:
    seen = Seen(page(no_data()))
    assert "7 more answers are missing" in seen.text
    assert "p = " not in seen.text
    assert "table" not in seen.tags


def _hostile(text: str) -> Comparison:
    return a_comparison(
        explanation=text,
        guarantee=text,
        notes=(text,),
        tests={text: a_test(text, guarantee=text)},
        effects={text: an_effect(text, title=text)},
        clusters=(a_cluster(text, text),),
        pairs=(a_pair(text, "x" + text, prompt_before=text, prompt_after="y" + text), a_pair(text, text)),
    )


def test_hostile_texts_stay_texts() -> None:
    made = Made(reference=HOSTILE, current=HOSTILE, seed=0, date=HOSTILE)
    for html in (page(_hostile(HOSTILE), made), fragment(_hostile(HOSTILE))):
        seen = Seen(html)
        assert not {"script", "img", "a", "link", "iframe", "object", "base"} & set(seen.tags)
        assert not {name for name in seen.attributes if name.startswith("on") or name in ("src", "href", "srcset")}
        assert "<script>alert(1)</script>" in seen.text
        assert "\x1b" not in html
        assert "\x00" not in html
        html.encode()


@given(st.text(st.characters(codec=None), max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_text_makes_elements_of_its_own(text: str) -> None:
    plain = Seen(page(_hostile("plain")))
    seen = Seen(page(_hostile(text)))
    # Which words are marked, and whether a question is shown, depends on the text; nothing else may.
    free = ("ins", "del", "div")
    assert [tag for tag in seen.tags if tag not in free] == [tag for tag in plain.tags if tag not in free]
    assert set(seen.attributes) == set(plain.attributes)


def test_the_page_loads_and_runs_nothing() -> None:
    html = page(a_comparison(), MADE)
    seen = Seen(html)
    assert any(policy.startswith("default-src 'none'") for policy in seen.attributes["content"])
    assert "script" not in seen.tags
    assert not re.search(r"url\(|@import|src=|href=", html)


def test_the_styles_of_a_notebook_touch_nothing_of_others() -> None:
    style = re.search(r"<style>(.*?)</style>", fragment(a_comparison()), re.DOTALL)
    assert style is not None
    rules = re.sub(r"/\*.*?\*/|@media [^{]*\{", "", style[1], flags=re.DOTALL)
    selectors = [selector.strip() for selector in re.findall(r"([^{}]+)\{", rules)]
    assert len(selectors) > 40
    assert [selector for selector in selectors if ".wk" not in selector] == []


def test_a_notebook_that_strips_styles_still_shows_the_figures() -> None:
    html = a_comparison()._repr_html_()
    seen = Seen(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))
    assert not {"html", "head", "body", "svg"} & set(seen.tags)
    for told in ("The model answers differently now.", "Title of words", "+0.50 +0.20 to +0.80", "prime, number"):
        assert told in seen.text


def test_words_that_went_and_came_are_marked() -> None:
    html = page(a_comparison())
    assert "Press the <del>red</del> button." in html
    assert "Press the <ins>green</ins> button." in html


def test_answers_with_nothing_in_common_are_not_marked_all_over() -> None:
    html = page(a_comparison(pairs=(a_pair("one two three four five", "six seven eight nine"),)))
    assert "<del>" not in html
    assert "<ins>" not in html


def test_a_huge_answer_is_cut_and_says_so() -> None:
    html = page(a_comparison(pairs=(a_pair("word " * 40_000, "short"),)))
    assert f"and {200_000 - MAX_CHARACTERS:,} more characters" in html
    assert len(html) < 100_000


def test_what_moved_comes_first_and_the_rest_can_be_unfolded() -> None:
    calm = {f"calm{i}": an_effect(f"calm{i}", d=0.3, low=-0.1, high=0.7) for i in range(12)}
    html = page(a_comparison(effects={**calm, "loud": an_effect("loud", d=0.2, low=0.1, high=0.3)}))
    assert html.index("Title of loud") < html.index("Title of calm0") < html.index("1 more") < html.index("calm11")


def test_a_topic_without_words_is_said_to_have_none() -> None:
    comparison = a_comparison(clusters=(a_cluster(),))
    assert "no typical words" in Seen(page(comparison)).text
    assert "no typical words" in comparison.plot_clusters().svg


def test_of_many_topics_the_last_are_folded() -> None:
    html = page(a_comparison(clusters=[a_cluster(f"topic{i}") for i in range(12)]))
    assert html.index("topic9") < html.index("2 more") < html.index("topic10")


def test_a_value_beyond_the_axis_is_a_ring() -> None:
    far = a_comparison(effects={"words": an_effect(d=10.0, low=9.1, high=10.9)})
    assert 'class="dot beyond"' in page(far)
    assert 'class="dot beyond"' not in page(a_comparison())
    assert far.plot_effects().svg.count('stroke-width="2.5"') == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_plots_are_images_with_a_mark_for_each_value(theme: Literal["light", "dark"], tmp_path: Path) -> None:
    comparison = _hostile(HOSTILE)
    for plot, n_dots in ((comparison.plot_effects(theme=theme), 1), (comparison.plot_clusters(theme=theme), 2)):
        plot.save(tmp_path / "plot.svg")
        root = ElementTree.fromstring((tmp_path / "plot.svg").read_text(encoding="utf-8"))
        assert len(root.findall(".//{*}circle")) == n_dots
        assert plot._repr_svg_() == plot.svg
        assert {element.tag.partition("}")[2] for element in root.iter()} <= {
            "svg", "rect", "text", "path", "g", "title", "circle"
        }  # fmt: skip


def test_a_plot_of_nothing_says_so() -> None:
    assert "nothing to show" in no_data().plot_effects().svg
    assert "nothing to show" in no_data().plot_clusters().svg


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (1e-15, "0"), (-1e-15, "0"), (0.005, "0.005"), (0.00005, "0.00005"), (-1.2345, "−1.23"),
     (123456.7, "123,000"), (99.96, "100"), (696.4, "696")],
)  # fmt: skip
def test_figures_have_three_digits_and_no_exponent(value: float, shown: str) -> None:
    assert words.digits(value) == shown


def test_a_share_that_is_not_nothing_never_reads_as_nothing() -> None:
    assert [words.percent(share) for share in (0, 0.00004, 0.0151, 0.5, 1)] == [
        "0 %",
        "0.004 %",
        "1.5 %",
        "50 %",
        "100 %",
    ]

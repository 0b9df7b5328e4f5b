"""The review page: a call is labelled blind, by key, by a named person, and no two people get the same one."""

import gzip
import time
from collections.abc import Callable
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import select

from collector.query import Filters
from collector.score import Score
from collector.state.tables import review_items
from collector.times import NS_PER_S
from dashboard.security import NAME_COOKIE
from evaluators.review import Candidate
from tests.dashboard.conftest import Site, Tab
from tests.dashboard.seed import World, seed

OpenTab = Callable[..., Tab]
OpenSite = Callable[[Callable[[World], None]], Site]
EVER = Filters(since_ns=0, until_ns=2**62)


def fill(world: World, n_calls: int | None = None) -> None:
    """An hour of traffic with nothing in the queue but `n_calls` calls (None: all) that can be labelled."""
    seed(world, hours=1, calls_per_hour=200, changed_hours=0.5)
    with world.engine.begin() as connection:
        connection.execute(review_items.delete())
    can_be_labelled = [call for call in world.calls if call.contexts and call.output_messages][:n_calls]
    world.queue.add(
        [
            Candidate(call_id=call.call_id, call_start_ns=call.start_ns, project=call.project, stratum="random",
                      inclusion_probability=1.0, reason="by a test")
            for call in can_be_labelled
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def many(open_site: OpenSite) -> Site:
    return open_site(fill)


def named(tab: Tab, name: str) -> Tab:
    tab.page.context.add_cookies([{"name": NAME_COOKIE, "value": quote(name), "url": tab.url}])
    return tab


def item_of(tab: Tab) -> str:
    """The item that stands on the page."""
    return (tab.page.get_attribute("#page .review-columns", "id") or "").removeprefix("call-")


def say(tab: Tab, site: Site, key: str) -> str:
    """Press a key that closes the item and wait for the next one; the item that was closed."""
    item_id = item_of(tab)
    site.world.clock.now_ns += NS_PER_S
    tab.press(key)
    gone(tab, item_id)
    return item_id


def gone(tab: Tab, item_id: str) -> None:
    tab.page.wait_for_function("id => !document.getElementById('call-' + id)", arg=item_id)


def score_of(site: Site, item_id: str) -> Score | None:
    """What people said of the call of an item, as the store returns it."""
    row = row_of(site, item_id)
    return next(iter(site.world.store.scores(EVER, target_id=row["call_id"], source="human").items), None)


def row_of(site: Site, item_id: str) -> dict[str, object]:
    with site.world.engine.connect() as connection:
        found = connection.execute(select(review_items).where(review_items.c.item_id == item_id)).one()
    return dict(found._mapping)


def test_the_name_is_asked_once_and_kept(many: Site, open_tab: OpenTab) -> None:
    tab = open_tab(many).open("/review")
    assert "Who reviews?" in tab.text()
    assert not tab.page.locator(".review-columns").count()
    tab.page.fill("main input[name=author]", "Zoë Ärmel")
    tab.press("Enter")
    tab.page.wait_for_selector(".review-columns")
    tab.page.reload()
    tab.page.wait_for_selector(".review-columns")
    assert "Zoë Ärmel" in tab.text("#bar")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("key", "label", "value"), [("g", "grounded", 1.0), ("u", "ungrounded", 0.0)])
def test_a_key_labels_the_call_and_the_next_one_stands_there(
    many: Site, open_tab: OpenTab, key: str, label: str, value: float, theme: str
) -> None:
    tab = named(open_tab(many, theme=theme), f"Ada {theme}").open("/review")
    time.sleep(0.3)
    item_id = say(tab, many, key)
    assert item_of(tab) not in ("", item_id)
    score = score_of(many, item_id)
    assert score is not None
    assert (score.source, score.label, score.value, score.author) == ("human", label, value, f"Ada {theme}")
    seconds = row_of(many, item_id)["seconds"]
    assert isinstance(seconds, float)
    assert 0.3 <= seconds < 30
    assert tab.text(".reveal").startswith(f"You said {label}. The local evaluator")


def test_before_the_label_neither_scores_nor_the_model_reach_the_browser(many: Site, open_tab: OpenTab) -> None:
    tab = named(open_tab(many), "Blind").open("/review")
    item_id = item_of(tab)
    with urlopen(Request(many.url + "/_ui/answer/review", headers={"Cookie": f"{NAME_COOKIE}=Blind"})) as response:
        sent = gzip.decompress(response.read()).decode()
    assert item_id in sent
    call = many.world.store.call(str(row_of(many, item_id)["call_id"]))
    assert call is not None
    for told in ("doubtful", "groundedness", "gpt-4", call.call_id, call.trace_id):
        assert told not in sent
    assert call.context_texts[0] in tab.text(".review-columns")
    assert call.output_text.splitlines()[0] in tab.text(".review-columns")


def test_undo_brings_the_call_back_and_withdraws_the_label(many: Site, open_tab: OpenTab) -> None:
    tab = named(open_tab(many), "Una").open("/review")
    item_id = say(tab, many, "u")
    many.world.clock.now_ns += NS_PER_S
    tab.press("z")
    tab.page.wait_for_selector(f"#call-{item_id}")
    score = score_of(many, item_id)
    assert score is not None
    assert (score.label, score.value) == ("withdrawn", None)
    assert not tab.page.locator(".reveal").count()
    say(tab, many, "g")
    score = score_of(many, item_id)
    assert score is not None
    assert score.label == "grounded"


def test_undo_with_nothing_to_undo_says_so(many: Site, open_tab: OpenTab) -> None:
    tab = named(open_tab(many), "Newcomer").open("/review")
    tab.press("z")
    tab.page.wait_for_selector("#toast.shown")
    assert "nothing of yours to undo" in tab.text("#toast")


def test_a_skipped_call_has_no_label_but_the_reason(many: Site, open_tab: OpenTab) -> None:
    tab = named(open_tab(many), "Sam").open("/review")
    tab.page.fill("textarea[name=comment]", "in Finnish")
    tab.press("Escape")
    item_id = say(tab, many, "s")
    row = row_of(many, item_id)
    assert (row["state"], row["skip_reason"]) == ("skipped", "in Finnish")
    assert score_of(many, item_id) is None
    assert not tab.page.locator(".reveal").count()


def test_typing_a_comment_presses_no_key_and_the_comment_belongs_to_its_call(many: Site, open_tab: OpenTab) -> None:
    tab = named(open_tab(many), "Cleo").open("/review")
    item_id = item_of(tab)
    tab.page.click("textarea[name=comment]")
    tab.page.keyboard.type("guess: uncertain")
    assert item_of(tab) == item_id
    tab.press("Escape")
    say(tab, many, "c")
    score = score_of(many, item_id)
    assert score is not None
    assert (score.label, score.value, score.explanation) == ("cannot tell", None, "guess: uncertain")
    assert tab.page.input_value("textarea[name=comment]") == ""


def test_a_button_does_what_its_key_does_and_keys_still_work_after_it(many: Site, open_tab: OpenTab) -> None:
    tab = named(open_tab(many), "Bo").open("/review")
    shown = [kbd.inner_text() for kbd in tab.page.locator(".review-actions kbd").all()]
    assert shown == ["G", "U", "C", "S", "Z"]
    first = item_of(tab)
    tab.page.click("button:has-text('Cannot tell')")
    gone(tab, first)
    second = say(tab, many, "g")
    labels = [score.label for item in (first, second) if (score := score_of(many, item)) is not None]
    assert labels == ["cannot tell", "grounded"]


def test_two_reviewers_never_look_at_the_same_call(many: Site, open_tab: OpenTab) -> None:
    one = named(open_tab(many), "Ida").open("/review")
    other = named(open_tab(many, first_visit=True), "Jon").open("/review")
    assert item_of(one) != item_of(other)
    assert say(one, many, "g") != item_of(other)
    assert item_of(one) != item_of(other)


def test_a_second_tab_cannot_label_what_the_first_has_labelled(many: Site, open_tab: OpenTab) -> None:
    one, other = named(open_tab(many), "Kim").open("/review"), named(open_tab(many), "Kim").open("/review")
    item_id = say(one, many, "g")
    assert item_of(other) == item_id
    other.press("u")
    other.page.wait_for_selector("#toast.failed")
    assert "done already" in other.text("#toast")
    gone(other, item_id)
    score = score_of(many, item_id)
    assert score is not None
    assert score.label == "grounded"


def test_progress_is_told_by_name(open_site: OpenSite, open_tab: OpenTab) -> None:
    site = open_site(lambda world: fill(world, 5))
    tab = named(open_tab(site), "Lea").open("/review")
    say(tab, site, "g")
    say(tab, site, "g")
    tab = named(open_tab(site), "Max").open("/review")
    assert "3 calls to go" in tab.text(".answer")
    assert "you 0, Lea 2" in tab.text(".answer")
    assert tab.text("nav a[title=Review] .badge") == "3"


def test_the_end_of_the_queue_says_why_there_is_nothing(open_site: OpenSite, open_tab: OpenTab) -> None:
    site = open_site(lambda world: fill(world, 1))
    tab = named(open_tab(site), "Ann").open("/review")
    waiting = named(open_tab(site, first_visit=True), "Bob").open("/review")
    assert "Every open call is with another reviewer now." in waiting.text("h1")
    item_id = item_of(tab)
    tab.press("g")
    gone(tab, item_id)
    tab.page.wait_for_selector("h1:has-text('Nothing is left to review.')")
    assert "doubtful" in tab.text()
    tab.page.wait_for_selector(".reveal")
    tab.press("z")
    tab.page.wait_for_selector(f"#call-{item_id}")


def test_an_empty_queue_says_what_would_fill_it(empty_site: Site, open_tab: OpenTab) -> None:
    tab = named(open_tab(empty_site), "Ann").open("/review")
    assert "No call waits for a review." in tab.text("h1")
    assert "retrieved contexts enter it by themselves" in tab.text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_labelling_fits_on_a_phone(many: Site, open_tab: OpenTab, theme: str) -> None:
    tab = named(open_tab(many, theme=theme, width=390, height=844), f"Pia {theme}").open("/review")
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 390
    box = tab.page.locator("button:has-text('Ungrounded')").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 844  # what can be said stays in sight, however long the call

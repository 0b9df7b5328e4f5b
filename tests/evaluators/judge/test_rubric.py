from pathlib import Path

import pytest

from collector.errors import BadRequest
from evaluators.judge.rubric import load_rubric, load_rubrics, packaged_rubrics

WHOLE = """
id = "tone"
version = "2"
criterion = "Tone"
question = "Is the answer polite?"
guideline = "Rudeness is no."
[scale]
no = "rude"
yes = "polite"
"""


def test_groundedness_and_helpfulness_come_with_the_package() -> None:
    rubrics = packaged_rubrics()
    assert set(rubrics) >= {"groundedness", "helpfulness"}
    assert list(rubrics["groundedness"].scale) == ["no", "yes"]
    assert rubrics["groundedness"].needs_context
    assert list(rubrics["helpfulness"].scale) == ["1", "2", "3", "4", "5"]


def test_labels_are_spread_evenly_from_worst_to_best() -> None:
    rubrics = packaged_rubrics()
    assert [rubrics["helpfulness"].value(label) for label in "12345"] == [0, 0.25, 0.5, 0.75, 1]
    assert [rubrics["groundedness"].value(label) for label in ("no", "yes")] == [0, 1]


def test_a_rubric_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "tone.toml"
    file.write_text(WHOLE)
    assert [r.id for r in load_rubrics([str(file), "helpfulness"])] == ["tone", "helpfulness"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('version = "2"', ""), "version: Field required"),
        (('id = "tone"', 'id = "The tone"'), "id: "),
        (('question = "Is the answer polite?"', 'question = " "'), "question: "),
        (("[scale]", "need_context = true\n[scale]"), "need_context: Extra inputs"),
        (('no = "rude"', 'maybe = "rude"'), r"scale has the labels \['maybe', 'yes'\]; use no and yes"),
        (("[scale]", "needs_context = true\n[[examples]]\nprompt='p'\nanswer='a'\nreason='r'\nverdict='yes'\n[scale]"),
         "examples.0 has no contexts"),
        (("[scale]", "[[examples]]\nprompt='p'\nanswer='a'\nreason='r'\nverdict='4'\n[scale]"),
         "examples.0.verdict is '4', which is not on the scale"),
        (("[scale]", "[scale"), "not TOML"),
    ],
)  # fmt: skip
def test_a_broken_rubric_is_refused_with_file_field_and_fault(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    file = tmp_path / "tone.toml"
    file.write_text(WHOLE.replace(*change))
    with pytest.raises(BadRequest, match=told) as caught:
        load_rubric(file)
    assert str(file) in str(caught.value)


def test_an_unknown_rubric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadRequest, match=r"'tone' is neither .* groundedness, helpfulness"):
        load_rubrics(["tone"])
    with pytest.raises(BadRequest, match="cannot be read"):
        load_rubrics(["missing.toml"])


def test_two_rubrics_of_one_id_are_refused() -> None:
    with pytest.raises(BadRequest, match="two rubrics have the id 'helpfulness'"):
        load_rubrics(["helpfulness", "helpfulness"])

"""What passes between the queue and the people who label."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from collector.call import Call

EVALUATOR = "human:groundedness"

GUIDELINE_VERSION = "1"
"""Labels given by another guideline are other labels: a change of its meaning starts a new version."""

Label = Literal["grounded", "ungrounded", "cannot tell"]
GUIDELINE: Mapping[Label, str] = {
    "grounded": "every claim of the answer is stated in the retrieved text or follows from it",
    "ungrounded": "at least one claim is contradicted by it or stands nowhere in it, even if it is true",
    "cannot tell": "the answer makes no claim, or the text cannot be judged",
}
LABELS: tuple[Label, ...] = get_args(Label)
VALUES: Mapping[Label, float | None] = {"grounded": 1.0, "ungrounded": 0.0, "cannot tell": None}

WITHDRAWN = "withdrawn"
"""The label of a score whose author took it back: it has no value and counts nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """One call to label. It carries neither scores nor why it was chosen: both would steer the reviewer."""

    item_id: str
    call: Call
    reserved_until_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCounts:
    """`done_today` since midnight UTC, `done_today_by` each reviewer; `by_stratum` has, for each stratum, how many
    items are in each state."""

    open: int
    done: int
    skipped: int
    done_today: int
    done_today_by: Mapping[str, int]
    by_stratum: Mapping[str, Mapping[str, int]]

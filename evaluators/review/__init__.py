"""A queue of calls for people to label, without showing them what the models said."""

from evaluators.review.config import ReviewConfig
from evaluators.review.item import GUIDELINE, Label, ReviewCounts, ReviewItem
from evaluators.review.queue import ReviewQueue
from evaluators.review.route import Candidate, route

__all__ = [
    "GUIDELINE",
    "Candidate",
    "Label",
    "ReviewConfig",
    "ReviewCounts",
    "ReviewItem",
    "ReviewQueue",
    "route",
]

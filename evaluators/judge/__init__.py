"""A language model as a judge, on a sample of calls, within a daily budget. Off until an endpoint is configured."""

from evaluators.judge.config import JudgeConfig
from evaluators.judge.judge import Judge, open_judge
from evaluators.judge.rubric import Rubric, load_rubrics
from evaluators.judge.stats import JudgeStats

__all__ = ["Judge", "JudgeConfig", "JudgeStats", "Rubric", "load_rubrics", "open_judge"]

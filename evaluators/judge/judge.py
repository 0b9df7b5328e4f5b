"""The judge: from calls to scores."""

import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Engine

from collector.call import Call
from collector.score import Score, target_facts
from collector.times import utc_day
from evaluators.judge.budget import Budget
from evaluators.judge.client import Client, Reply
from evaluators.judge.config import JudgeConfig
from evaluators.judge.failures import JudgeError, JudgeMisconfigured
from evaluators.judge.parse import parse_opinion
from evaluators.judge.price import price_usd
from evaluators.judge.prompt import Messages, messages_for, verdict_schema, version_of
from evaluators.judge.rubric import Rubric, load_rubrics
from evaluators.judge.sample import sampled, sampling_key
from evaluators.judge.stats import JudgeStats

log = logging.getLogger(__name__)

CACHE_SIZE = 10_000
_FRAME_TOKENS = 1_000
"""More than the tokens that templates add around messages and schema."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One question to the judge. `key` is a hash of its exact text: calls with the same content share an answer."""

    key: str
    rubric: Rubric
    messages: Messages


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    label: str
    reason: str
    judged_by: str
    cost_usd: float | None


class Judge:
    """Asks a model about a sample of calls. What it cannot answer is missing and counted, never a score.

    Verdicts are kept by exact content for as long as the process lives (the newest 10,000), so that the same answer
    to the same question is bought once. `key` draws the sample and marks the data in the prompts: `sampling_key`.
    """

    def __init__(
        self,
        config: JudgeConfig,
        client: Client,
        budget: Budget,
        *,
        rubrics: Sequence[Rubric],
        key: bytes,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._config = config
        self._model = config.model or ""
        self._client = client
        self._budget = budget
        self._rubrics = rubrics
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._stats = JudgeStats()
        self._told_of_day: date | None = None
        self._cache: OrderedDict[str, _Answer] = OrderedDict()

    def evaluate(self, calls: Sequence[Call]) -> Sequence[Score]:
        """The scores of the sampled calls. Blocks until the endpoint has answered or been given up, so run it apart
        from evaluators that must keep up. Calling it twice on a call gives scores with the same ids."""
        pairs = [(call, task) for call in calls for task in self._tasks(call)]
        answers = {task.key: answer for _, task in pairs if (answer := self._remembered(task.key)) is not None}
        missing = {task.key: task for _, task in pairs if task.key not in answers}
        stop = threading.Event()
        with ThreadPoolExecutor(self._config.concurrency, thread_name_prefix="judge") as pool:
            bought = dict(zip(missing, pool.map(lambda task: self._buy(task, stop), missing.values()), strict=True))
        scores = []
        for call, task in pairs:
            # The first call of a content carries what its verdict cost; for the others nothing was bought.
            if (answer := bought.pop(task.key, None)) is not None:
                answers[task.key] = replace(answer, cost_usd=0.0)
            elif (answer := answers.get(task.key)) is not None:
                self._count(cached=1)
            else:
                continue
            scores.append(self._score(call, task.rubric, answer))
        return scores

    @property
    def stats(self) -> JudgeStats:
        with self._lock:
            return self._stats

    def close(self) -> None:
        self._client.close()

    def _tasks(self, call: Call) -> Iterator[_Task]:
        if not sampled(self._key, call.call_id, self._config.sample_rate):
            self._count(not_sampled=1)
            return
        for rubric in self._rubrics:
            if not call.output_text.strip() or (rubric.needs_context and not call.context_texts):
                self._count(not_applicable=1)
                continue
            messages = messages_for(rubric, call, self._key)
            if len(messages[-1]["content"]) > self._config.max_input_chars:
                self._count(too_long=1)
                continue
            key = hashlib.sha256("\x1f".join(m["content"] for m in messages).encode()).hexdigest()
            yield _Task(key, rubric, messages)

    def _buy(self, task: _Task, stop: threading.Event) -> _Answer | None:
        """Ask for one verdict within the budget; None where there is none, counted by reason."""
        schema = verdict_schema(task.rubric)
        # No tokeniser makes more tokens than there are bytes.
        most_tokens = sum(len(m["content"].encode()) for m in task.messages) + len(str(schema)) + _FRAME_TOKENS
        most_usd = self._price(most_tokens, self._config.max_output_tokens) or 0.0
        if stop.is_set():
            self._count(given_up=1)
            return None
        reservation = self._budget.reserve(most_usd)
        if reservation is None:
            self._count(over_budget=1)
            self._tell_of_the_budget()
            return None
        try:
            reply = self._client.ask(task.messages, schema)
        except JudgeError as error:
            if not error.may_be_billed:
                self._budget.release(reservation)
            if isinstance(error, JudgeMisconfigured):
                stop.set()
            self._count(asked=1, failed=1, last_error=str(error))
            return None
        cost_usd = None
        if reply.input_tokens is not None and reply.output_tokens is not None:
            cost_usd = self._price(reply.input_tokens, reply.output_tokens)
        if cost_usd is not None:
            self._budget.settle(reservation, cost_usd)
        opinion = parse_opinion(reply.text, task.rubric)
        if opinion is None:
            self._count(asked=1, unparsable=1, cost_usd=cost_usd or 0.0, last_error=None)
            return None
        self._count(asked=1, answered=1, cost_usd=cost_usd or 0.0, last_error=None)
        answer = _Answer(
            label=opinion.label, reason=opinion.reason, judged_by=_judged_by(reply, self._model), cost_usd=cost_usd
        )
        self._remember(task.key, replace(answer, cost_usd=0.0))
        return answer

    def _tell_of_the_budget(self) -> None:
        """Once a day; how many calls it keeps from the judge is counted."""
        today = utc_day(self._clock())
        with self._lock:
            told, self._told_of_day = self._told_of_day == today, today
        if not told:
            log.warning(
                "the budget of the judge for %s has no room for more; raise max_usd_per_day or max_calls_per_day, "
                "or lower sample_rate",
                today,
            )

    def _price(self, input_tokens: int, output_tokens: int) -> float | None:
        return price_usd(self._config, input_tokens=input_tokens, output_tokens=output_tokens)

    def _score(self, call: Call, rubric: Rubric, answer: _Answer) -> Score:
        # A rate over judged calls needs the probability with which each was drawn.
        drawn = f"drawn with probability {self._config.sample_rate:g}"
        return Score(
            target_id=call.call_id,
            evaluator=f"judge:{rubric.id}",
            version=version_of(rubric, self._model),
            source="judge",
            value=rubric.value(answer.label),
            label=answer.label,
            explanation=f"{answer.reason}\n(judged by {answer.judged_by}, {drawn})",
            cost_usd=answer.cost_usd,
            created_ns=self._clock(),
            author=self._model,
            **target_facts(call),
        )

    def _remembered(self, key: str) -> _Answer | None:
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
            return self._cache.get(key)

    def _remember(self, key: str, answer: _Answer) -> None:
        with self._lock:
            self._cache[key] = answer
            if len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)

    def _count(self, *, cost_usd: float = 0.0, last_error: str | None = "", **counts: int) -> None:
        """Add to the counters; `last_error` replaces unless it is empty."""
        with self._lock:
            added = {name: getattr(self._stats, name) + n for name, n in counts.items()}
            error = self._stats.last_error if last_error == "" else last_error
            if error is not None and error != self._stats.last_error:
                log.warning("no verdict: %s", error)
            self._stats = replace(self._stats, **added, cost_usd=self._stats.cost_usd + cost_usd, last_error=error)


def open_judge(config: JudgeConfig, engine: Engine, clock: Callable[[], int] = time.time_ns) -> Judge | None:
    """The judge of this configuration; None while no endpoint is configured.

    Raises:
        BadRequest: if a rubric is unknown or broken.
        JudgeMisconfigured: if the API key cannot be one.
    """
    if config.base_url is None or config.model is None:
        return None
    client = Client(
        base_url=config.base_url,
        model=config.model,
        api_key=os.environ.get(config.api_key_env),
        api_key_env=config.api_key_env,
        timeout_s=config.timeout_s,
        max_output_tokens=config.max_output_tokens,
    )
    budget = Budget(
        engine=engine,
        max_usd_per_day=config.max_usd_per_day,
        max_calls_per_day=config.max_calls_per_day,
        clock=clock,
    )
    rubrics = load_rubrics(config.rubrics)
    return Judge(config, client, budget, rubrics=rubrics, key=sampling_key(engine), clock=clock)


def _judged_by(reply: Reply, model: str) -> str:
    name = reply.response_model or model
    return f"{name}, fingerprint {reply.system_fingerprint}" if reply.system_fingerprint else name

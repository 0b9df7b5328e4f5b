"""Answers from the calls of a running platform."""

import sys
import time
from typing import Any

from collector.errors import BadRequest
from watchkeeper.commands.answers import Answer, Answers, Shape, answer_of
from watchkeeper.commands.exporting import BEGINNING, END, filters_of, time_of
from watchkeeper.commands.progress import meter
from watchkeeper.commands.reading_answers import told
from watchkeeper.commands.rejects import Rejects
from watchkeeper.commands.rest import DEFAULT_URL, Rest
from watchkeeper.commands.sides import Platform, Side
from watchkeeper.commands.sources import RestSource, query_of


def fetch_answers(side: Side, shape: Shape, platform: Platform) -> Answers:
    """The newest calls of a range, at most `platform.max_calls`.

    Raises:
        WatchkeeperError: if there is none, or the platform does not answer.
    """
    params, max_calls = _params(side, platform), platform.max_calls
    rejects = Rejects(side.name, None, place="call")
    rows: list[Answer] = []
    n_read = 0
    with Rest(platform.url or DEFAULT_URL, platform.api_key) as rest:
        source = RestSource(rest)
        n_calls = source.n_calls(params)
        with meter(side.name, min(n_calls, max_calls), noun="calls") as gauge:
            for page in source.pages("calls", params):
                for call in page[: max_calls - n_read]:
                    n_read += 1
                    try:
                        answer = answer_of(call, shape)
                    except BadRequest as error:
                        rejects.add(n_read, str(error), call)
                        continue
                    if answer is not None:
                        rows.append(answer)
                gauge.update(n_read, n_read)
                if n_read >= max_calls:
                    break
    if n_calls > n_read:
        print(f"{side.name}: {n_calls:,} calls, the newest {n_read:,} are taken (--max-calls)", file=sys.stderr)
    return told(side.name, rows, rejects)


def _params(side: Side, platform: Platform) -> dict[str, Any]:
    now_ns = time.time_ns()
    params = filters_of(list(platform.filters)) | {
        "since": time_of(side.since, now_ns, f"--{side.name}-since") if side.since else BEGINNING,
        "until": time_of(side.until, now_ns, f"--{side.name}-until") if side.until else END,
    }
    if platform.project is not None:
        params["project"] = platform.project
    query_of("calls", params).filters(now_ns)  # before anything is opened: a typing error costs nothing
    return params

"""Three consumers that share their work with other processes, as one that a test can kill:
sharing_process.py STATE_URL LEASE_S."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Engine, insert

from collector.call import Call
from collector.score import Score
from collector.state import open_state
from collector.state.sharing import SharedDuties
from evaluators.quiet import Quiet
from evaluators.runner import Consumer, Results, Runner, duty_of
from tests.evaluators.shared_store import SharedStore, looked_at

NAMES = ("one", "two", "three")
BATCH_SIZE = 20


def evaluator(name: str, engine: Engine) -> Callable[[Sequence[Call]], Results]:
    def evaluate(calls: Sequence[Call]) -> Results:
        with engine.begin() as connection:
            rows = [{"consumer": name, "seq": call.seq, "process": os.getpid()} for call in calls]
            connection.execute(insert(looked_at), rows)
        time.sleep(0.02)
        return Results(
            scores=[
                Score(target_id=call.call_id, target_start_ns=call.start_ns, evaluator=name, version="1",
                      source="model", value=1.0, created_ns=time.time_ns())
                for call in calls
            ]
        )  # fmt: skip

    return evaluate


def main() -> None:
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {os.getpid()} %(message)s")
    engine = open_state(sys.argv[1])
    duties, store = SharedDuties(engine, duration_s=float(sys.argv[2])), SharedStore(engine)
    runners = [
        Runner(
            Consumer(name=name, evaluate=evaluator(name, engine), batch_size=BATCH_SIZE),
            store,  # type: ignore[arg-type]
            engine,
            Quiet(store.last_seq, quiet_s=0.0),
            duty=duties.duty(duty_of(name)),
        )
        for name in NAMES
    ]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    duties.start()
    for runner in runners:
        runner.start()
    print("started", flush=True)
    stop.wait()
    for runner in runners:
        runner.stop()
    for runner in runners:
        runner.join(30)
    duties.close()
    engine.dispose()


if __name__ == "__main__":
    main()

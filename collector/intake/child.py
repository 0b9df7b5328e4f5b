"""The process behind `collector.intake.process`."""

import gc
import sys
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection

from collector.childprocess import serve
from collector.intake.local import Intake
from collector.intake.sent import Item, Understood
from collector.intake.settings import IntakeSettings
from collector.memory import keep_freed_blocks
from collector.packed import packed


def main() -> None:
    """Serve on the socket whose number is the only argument."""
    keep_freed_blocks()
    intake = Intake()

    def setup(settings: IntakeSettings) -> None:
        nonlocal intake
        intake = settings.intake()
        # What was made until now stays to the end.
        gc.freeze()

    def understand(items: Sequence[Item]) -> Understood:
        found = intake.understand(items)
        return replace(found, batches=[packed(batch) for batch in found.batches if batch.n_rows])

    serve(Connection(int(sys.argv[1])), {"setup": setup, "understand": understand})

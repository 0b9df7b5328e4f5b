"""The child process: runs the scoring, so that neither torch nor a slow text ever holds up the process that ingests."""

import sys
from multiprocessing.connection import Connection

from collector.childprocess import serve

NICENESS = 10


def main() -> None:
    """Serve on the socket whose number is the only argument."""
    from evaluators.encoder import Encoder
    from evaluators.scoring import score

    serve(Connection(int(sys.argv[1])), {"score": score, "encode": Encoder().encode}, niceness=NICENESS)

"""Many segments: which changes to believe, whom to blame, and what to show.

found = e_bh([stream.e_value() for stream in streams], fdr=0.05)  # at one tick; by(p_values, fdr=0.05) of windows
is_found, fdr = fdr.ask(e_value)                                  # from tick to tick; fdr = OnlineFdr(fdr=0.05)
segments = blamed(nodes)                                          # alias, route or prompt cluster
today = digest(candidates, routes={"gpt-4": 3}, most=5)           # what a person gets to see
"""

from evaluators.drift.many.blame import Node, blamed, ranked
from evaluators.drift.many.digest import Candidate, Digest, Group, digest
from evaluators.drift.many.evalues import by, e_bh, e_from_p
from evaluators.drift.many.online import OnlineFdr

__all__ = ["Candidate", "Digest", "Group", "Node", "OnlineFdr", "blamed", "by", "digest", "e_bh", "e_from_p", "ranked"]

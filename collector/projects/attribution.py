"""The project of each span of one export, as columns."""

import pyarrow as pa
import pyarrow.compute as pc

from collector.call import DEFAULT_PROJECT
from collector.projects.access import Access

PROJECT_ATTRIBUTE = "watchkeeper.project"
"""The resource attribute by which telemetry names its project."""

_SLUG = r"^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$"


def project_column(access: Access, named: pa.Array | None, n_rows: int) -> tuple[pa.Array, int]:
    """The project of each row, and how many rows had named another than they got.

    The key decides. What a key's telemetry says of another project is overridden, not refused: a refusal loses spans,
    and an exporter shows it to nobody; the count does. Without a key, or with one for all projects, a name that can
    be one is taken.

    Args:
        named: strings, null where a row names none; None: no row does.
    """
    if named is None or named.null_count == n_rows:
        return pa.repeat(pa.scalar(access.project or DEFAULT_PROJECT), n_rows), 0
    if access.project is not None:
        n_others = pc.sum(pc.fill_null(pc.not_equal(named, access.project), False)).as_py() or 0
        return pa.repeat(pa.scalar(access.project), n_rows), n_others
    # Few resources send many spans: each name is looked at once.
    encoded = pc.dictionary_encode(named)
    is_name = pc.match_substring_regex(encoded.dictionary, _SLUG)
    names = pc.if_else(is_name, encoded.dictionary, DEFAULT_PROJECT).take(encoded.indices)
    n_unusable = pc.sum(pc.fill_null(pc.not_equal(names, named), False)).as_py() or 0
    return pc.fill_null(names, DEFAULT_PROJECT), n_unusable

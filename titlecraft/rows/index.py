"""The search index over the rows of any dataset."""

from titlecraft.records.base import Pin, digest
from titlecraft.records.rows import RowSettings
from titlecraft.search.row_index import RowIndex, open_row_index


def index_of_rows(dataset: Pin, settings: RowSettings | None) -> RowIndex:
    """Return the index of a pinned dataset; builds it if needed, with a progress bar. Raises UserError.

    Args:
        settings: how rows are read; None for a dataset that `titlecraft build` published.
    """
    if settings is None:
        return open_row_index(dataset)

    from titlecraft.rows.folder import rows_folder  # imports scipy, which the page of a Space does not need

    return open_row_index(dataset, digest({"settings": settings})[:16], lambda: rows_folder(dataset, settings))

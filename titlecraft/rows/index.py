"""The search index over the rows of a dataset, whoever built it."""

from titlecraft.records.base import Pin, digest
from titlecraft.records.rows import RowSettings
from titlecraft.search.row_index import RowIndex, open_row_index


def index_of_rows(dataset: Pin, settings: RowSettings | None) -> RowIndex:
    """Return the index of a pinned dataset, built if needed, with a progress bar. Raises UserError.

    `settings` say how the rows of a dataset are read that Titlecraft did not build; None for one that it built.
    """
    if settings is None:
        return open_row_index(dataset)

    from titlecraft.rows.folder import rows_folder  # with scipy, which the page of a Space does not need otherwise

    return open_row_index(dataset, digest({"settings": settings})[:16], lambda: rows_folder(dataset, settings))

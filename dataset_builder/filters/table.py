"""The filters by their names in data.filters, in the order in which they are applied."""

from collections.abc import Callable, Sequence

from dataset_builder.filters.biography import is_biography
from dataset_builder.filters.praise import is_praise
from dataset_builder.filters.review import is_review
from dataset_builder.filters.short import is_short

FILTERS: dict[str, Callable[[str, str], bool]] = {
    "short": is_short,
    "praise": is_praise,
    "biography": is_biography,
    "review": is_review,
}


def first_match(title: str, content: str, names: Sequence[str]) -> str | None:
    """Return the name of the first of these filters that matches a cleaned row; None if none does."""
    return next((name for name, matches in FILTERS.items() if name in names and matches(title, content)), None)

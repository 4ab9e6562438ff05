"""Lines about a whole column of values, such as one measure for every title of predictions.parquet."""

from typing import Any

from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line


def column_equal(
    checks: Checks,
    claim: str,
    claimed: list[Any],
    derived: list[Any],
    tolerance: float = 0.0,
    note: str | None = None,
) -> Line:
    """One line for a column. If values differ, the note names the first row; otherwise it is `note`.

    Args:
        tolerance: by how much two floats may differ.
    """
    count = len(claimed)
    limit = f"{tolerance:g}" if tolerance else "equal"
    if count != len(derived):
        return checks.line(claim, f"{count:,} values", f"{len(derived):,} values", False, limit)
    pairs = enumerate(zip(claimed, derived, strict=True))
    wrong = [row for row, (published, computed) in pairs if not equal_within(published, computed, tolerance)]
    if wrong:
        first = wrong[0]
        note = f"row {first + 1}: {claimed[first]!r}, derived {derived[first]!r}"
        return checks.line(claim, f"{count:,} values", f"{len(wrong):,} are others", False, limit, note)
    return checks.line(claim, f"{count:,} values", "equal", True, limit, note)


def equal_within(claimed: Any, derived: Any, tolerance: float) -> bool:
    """Whether two values are equal or, if both are floats, differ by at most `tolerance`."""
    if claimed == derived:
        return True
    return isinstance(claimed, float) and isinstance(derived, float) and abs(claimed - derived) <= tolerance


def true_for_all_rows(checks: Checks, claim: str, wrong: list[int], count: int) -> Line:
    """One line for a condition on `count` rows; `wrong` are the indices of the rows that violate it."""
    note = f"row {wrong[0] + 1}" if wrong else None
    derived = f"not {len(wrong):,} of them" if wrong else "all"
    return checks.line(claim, f"{count:,} titles", derived, not wrong, "none", note)

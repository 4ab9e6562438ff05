"""Lines: equal values, exceptions, columns."""

from collections.abc import Iterator

import pytest
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import httpx

from model_card.verification.lines.columns import column_equal
from model_card.verification.lines.line import Line
from tests.model_card.verification.literal_lines import CHECKS
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors


def test_a_failed_line_shows_the_first_difference_of_long_values() -> None:
    line = CHECKS.equal("text", "x" * 200 + "a", "x" * 200 + "b")
    assert not line.holds and line.claimed == line.derived
    assert line.note == f"differs at character 200: '{'x' * 20}a', derived '{'x' * 20}b'"
    assert CHECKS.equal("rows", 1234567, 1234567).claimed == "1,234,567"


def test_an_exception_becomes_a_line_unless_the_hub_is_unreachable() -> None:
    def breaks() -> Iterator[Line]:
        yield CHECKS.equal("first", 1, 1)
        raise KeyError("column")

    def away() -> Iterator[Line]:
        with hub_errors("reading prompt.json", "ns/data", "dataset"):
            raise httpx.ConnectError("refused")
        yield CHECKS.equal("never", 1, 1)

    result = CHECKS.gather(breaks())
    assert [(line.claim, line.holds) for line in result] == [("report: first", True), ("report: can be derived", False)]
    with pytest.raises(UserError, match="does not answer"):
        CHECKS.gather(away())


def test_a_private_or_deleted_repo_is_unavailable_and_a_missing_commit_fails() -> None:
    def raises(error: Exception) -> Iterator[Line]:
        with hub_errors("reading prompt.json", "ns/data", "dataset"):
            raise error
        yield CHECKS.equal("never", 1, 1)

    def answer(status: int) -> httpx.Response:
        return httpx.Response(status, request=httpx.Request("GET", "http://hub/ns/data"))

    gone = [
        RepositoryNotFoundError("404", response=answer(404)),
        GatedRepoError("403", response=answer(403)),
        HfHubHTTPError("403", response=answer(403)),
        HfHubHTTPError("451", response=answer(451)),
    ]
    wrong = [RevisionNotFoundError("404", response=answer(404)), KeyError("column"), ValueError("x")]
    verdicts = [CHECKS.gather(raises(error))[0].verdict for error in gone + wrong]
    assert verdicts == ["could not be looked at"] * 4 + ["does not hold"] * 3


def test_a_column_names_its_first_wrong_row() -> None:
    line = column_equal(CHECKS, "chrf", [1.0, 2.0, 3.0], [1.0, 2.5, 3.5], 0.0)
    assert (line.derived, line.note) == ("2 are others", "row 2: 2.0, derived 2.5")
    assert column_equal(CHECKS, "chrf", [1.0], [1.0 + 1e-10], 1e-9, None).holds
    assert not column_equal(CHECKS, "chrf", [1.0], [1.0, 2.0], 0.0).holds

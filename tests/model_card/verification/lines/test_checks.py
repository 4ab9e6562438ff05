"""Lines, verdict and badge of a verification, from literal values."""

import json
from collections.abc import Iterator
from xml.etree import ElementTree

import httpx
import pytest
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from model_card.verification.badge import badge
from model_card.verification.level_scores.values import valid_stop
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.columns import column_equal
from model_card.verification.lines.line import EXIT_STATUS, Line, Verification
from model_card.verification.printing import summary
from titlecraft.errors import UserError
from titlecraft.hub.checksums import read_sums, write_sums
from titlecraft.hub.errors import hub_errors
from titlecraft.records import Code, Pin

CHECKS = Checks("scores", "report")
CODE = Code(titlecraft="0.1.0", sources="5" * 64, python="3.11.7", packages={})


def verification(*lines: Line) -> Verification:
    pin = Pin(type="model", repo="ns/titles", revision="a1b2c3d4e5" * 4)
    return Verification(
        repo=pin, level="scores", code=CODE, impossible={}, lines=list(lines), remarks={}
    )  # fmt: skip


def test_a_line_that_does_not_hold_says_where_two_long_values_part() -> None:
    line = CHECKS.equal("text", "x" * 200 + "a", "x" * 200 + "b")
    assert not line.holds and line.claimed == line.derived
    assert line.note == f"differs at character 200: '{'x' * 20}a', derived '{'x' * 20}b'"
    assert CHECKS.equal("rows", 1234567, 1234567).claimed == "1,234,567"


def test_a_derivation_that_breaks_is_a_line_and_a_hub_that_is_away_is_no_verdict() -> None:
    def breaks() -> Iterator[Line]:
        yield CHECKS.equal("first", 1, 1)
        raise KeyError("column")

    def away() -> Iterator[Line]:
        with hub_errors("reading prompt.json", "ns/data", "dataset"):
            raise httpx.ConnectError("refused")
        yield CHECKS.equal("never", 1, 1)

    found = CHECKS.gather(breaks())
    assert [(line.claim, line.holds) for line in found] == [("report: first", True), ("report: can be derived", False)]
    with pytest.raises(UserError, match="does not answer"):
        CHECKS.gather(away())


def test_the_end_names_what_does_not_hold() -> None:
    assert summary(verification(CHECKS.equal("n", 40, 40))) == ["verified: all 1 claims hold at level scores"]
    wrong = [CHECKS.equal(f"n{number}", 40, 39) for number in range(7)]
    said = summary(verification(*wrong))
    assert said[0] == "not verified: 7 of 7 claims do not hold at level scores"
    assert said[1] == "  report: n0: claimed 40, derived 39" and said[-1] == "  … and 2 more"
    assert not verification().holds()


def test_what_was_not_looked_at_never_counts_as_holding() -> None:
    """Four verdicts, counted apart; what is out of reach decides, and what a person added does not."""
    holds, wrong = CHECKS.equal("n", 40, 40), CHECKS.equal("n", 40, 39)
    aside, away = (
        CHECKS.not_looked_at("text", "x", "added by hand"),
        CHECKS.could_not_be_looked_at("base", "ns/base", "private"),
    )
    assert not aside.holds and not away.holds
    cases = [
        ((holds,), 0),
        ((holds, aside), 0),
        ((aside,), 3),
        ((), 3),
        ((holds, away), 3),
        ((holds, away, wrong), 1),
        ((wrong, aside), 1),
    ]
    assert [EXIT_STATUS[verification(*lines).verdict] for lines, _ in cases] == [status for _, status in cases]
    found = verification(holds, aside)
    assert summary(found) == [
        "not looked at: report: text: x: added by hand",
        "verified: all 1 claims hold at level scores; 1 more were not looked at",
    ]
    found = verification(holds, holds, aside, away)
    assert summary(found)[1:] == [
        "could not be looked at: 1 of 3 claims at level scores; the others hold; 1 more were not looked at",
        "  report: base: ns/base: private",
    ]
    said = json.loads(found.to_json())
    assert said["counts"] == {"holds": 2, "does not hold": 0, "not looked at": 1, "could not be looked at": 1}
    assert said["verdict"] == "could not be looked at" and [line["holds"] for line in said["lines"]] == [
        True,
        True,
        False,
        False,
    ]
    assert summary(verification(wrong, away))[0] == (
        "not verified: 1 of 1 claims do not hold at level scores; 1 more could not be looked at"
    )


def test_a_strangers_text_cannot_steer_the_terminal_or_push_out_what_matters() -> None:
    line = CHECKS.equal("a\x1b[2Kb\nc", "x\x1b]0;y\x07\u202ez", 10**5000, "n\r\nm")
    assert (line.claim, line.claimed, line.note) == ("report: a\ufffd[2Kb c", "x\ufffd]0;y\ufffd\ufffdz", "n m")
    assert line.derived == "a number that is too long to write"
    many = [
        CHECKS.not_looked_at(f"front matter, key{number}", number, "not looked at", "added by hand")
        for number in range(40)
    ]
    page = CHECKS.not_looked_at("report.html, drawn again", "the same bytes", "other bytes, not judged")
    said = summary(verification(CHECKS.equal("n", 1, 1), *many, page))
    assert said[0].startswith("not looked at: report: report.html") and said[5] == "not looked at: … and 36 more"


def test_a_private_or_deleted_repo_is_out_of_reach_and_a_missing_commit_is_wrong() -> None:
    def raises(error: Exception) -> Iterator[Line]:
        with hub_errors("reading prompt.json", "ns/data", "dataset"):
            raise error
        yield CHECKS.equal("never", 1, 1)

    def answer(status: int) -> httpx.Response:
        return httpx.Response(status, request=httpx.Request("GET", "http://hub/ns/data"))

    gone = [RepositoryNotFoundError("404", response=answer(404)), GatedRepoError("403", response=answer(403)),
            HfHubHTTPError("403", response=answer(403)), HfHubHTTPError("451", response=answer(451))]  # fmt: skip
    wrong = [RevisionNotFoundError("404", response=answer(404)), KeyError("column"), ValueError("x")]
    verdicts = [CHECKS.gather(raises(error))[0].verdict for error in gone + wrong]
    assert verdicts == ["could not be looked at"] * 4 + ["does not hold"] * 3


def test_the_badge_says_level_or_failure_and_the_commit() -> None:
    lines = CHECKS.equal("n", 1, 1), CHECKS.equal("n", 1, 2), CHECKS.could_not_be_looked_at("n", 1, "gone")
    good, bad, unknown = (badge(verification(line)) for line in lines)
    texts = [["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter() if one.tag.endswith("text")] for svg in (good, bad, unknown)]  # fmt: skip
    said = [text[1] for text in texts]
    assert said == ["verified: scores", "not verified", "could not be looked at"] and texts[0][::2] == [
        "titlecraft",
        "a1b2c3d4",
    ]
    assert "#2f7d4f" in good and "#b3372b" in bad and "http" not in good.replace("http://www.w3.org/2000/svg", "")


def test_a_column_names_its_first_wrong_row() -> None:
    line = column_equal(CHECKS, "chrf", [1.0, 2.0, 3.0], [1.0, 2.5, 3.5], 0.0)
    assert (line.derived, line.note) == ("2 are others", "row 2: 2.0, derived 2.5")
    assert column_equal(CHECKS, "chrf", [1.0], [1.0 + 1e-10], 1e-9, None).holds
    assert not column_equal(CHECKS, "chrf", [1.0], [1.0, 2.0], 0.0).holds


def test_an_answer_below_the_most_new_tokens_has_stopped() -> None:
    asked = [(1.0, 5), (0.0, 5), (1.0, 16), (0.0, 16), (0.0, 17)]
    assert [valid_stop(stopped, tokens, 16) for stopped, tokens in asked] == [True, False, True, True, False]


def test_sums_are_read_as_they_are_written_and_nothing_else() -> None:
    sums = {"b/c.txt": "0" * 64, "a.txt": "f" * 64}
    raw = write_sums(sums | {"README.md": "1" * 64})
    assert raw.decode() == f"{'f' * 64}  a.txt\n{'0' * 64}  b/c.txt\n" and read_sums(raw, "SHA256SUMS") == sums
    for broken in (raw + raw, raw.replace(b"f" * 64, b"f" * 63), raw.replace(b"  a", b" *a"), b"x" * 64 + b"  a\n"):
        with pytest.raises(UserError, match="SHA256SUMS, line"):
            read_sums(broken, "SHA256SUMS")

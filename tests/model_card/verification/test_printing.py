"""The summary of a verification: verdict, counts, and the first lines."""

import json

from model_card.verification.lines.line import EXIT_STATUS
from model_card.verification.printing import summary
from tests.model_card.verification.literal_lines import CHECKS, verification


def test_the_summary_names_failed_lines() -> None:
    assert summary(verification(CHECKS.equal("n", 40, 40))) == ["verified: all 1 claims hold at level scores"]
    wrong = [CHECKS.equal(f"n{number}", 40, 39) for number in range(7)]
    lines = summary(verification(*wrong))
    assert lines[0] == "not verified: 7 of 7 claims do not hold at level scores"
    assert lines[1] == "  report: n0: claimed 40, derived 39" and lines[-1] == "  … and 2 more"
    assert not verification().holds()


def test_unavailable_and_skipped_lines_never_count_as_holding() -> None:
    """The four verdicts are counted separately; unavailable lines affect the overall verdict, added text does not."""
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
    result = verification(holds, aside)
    assert summary(result) == [
        "not looked at: report: text: x: added by hand",
        "verified: all 1 claims hold at level scores; 1 more were not looked at",
    ]
    result = verification(holds, holds, aside, away)
    assert summary(result)[1:] == [
        "could not be looked at: 1 of 3 claims at level scores; the others hold; 1 more were not looked at",
        "  report: base: ns/base: private",
    ]
    printed = json.loads(result.to_json())
    assert printed["counts"] == {"holds": 2, "does not hold": 0, "not looked at": 1, "could not be looked at": 1}
    assert printed["verdict"] == "could not be looked at" and [line["holds"] for line in printed["lines"]] == [
        True,
        True,
        False,
        False,
    ]
    assert summary(verification(wrong, away))[0] == (
        "not verified: 1 of 1 claims do not hold at level scores; 1 more could not be looked at"
    )


def test_third_party_text_is_escaped_and_truncated() -> None:
    line = CHECKS.equal("a\x1b[2Kb\nc", "x\x1b]0;y\x07\u202ez", 10**5000, "n\r\nm")
    assert (line.claim, line.claimed, line.note) == ("report: a\ufffd[2Kb c", "x\ufffd]0;y\ufffd\ufffdz", "n m")
    assert line.derived == "a number that is too long to write"
    many = [
        CHECKS.not_looked_at(f"front matter, key{number}", number, "not looked at", "added by hand")
        for number in range(40)
    ]
    page = CHECKS.not_looked_at("report.html, drawn again", "the same bytes", "other bytes, not judged")
    lines = summary(verification(CHECKS.equal("n", 1, 1), *many, page))
    assert lines[0].startswith("not looked at: report: report.html") and lines[5] == "not looked at: … and 36 more"

"""The lines that `titlecraft verify` prints: one for each claim, failures first, none cut or wrapped."""

import pytest

from model_card.verification.lines.line import Line, Verdict, Verification
from model_card.verification.printing import ORDER, print_verification
from titlecraft.records import Code, Pin

SHA = "0123456789abcdef" * 4


def line(claim: str, verdict: Verdict, claimed: str = "1.258", derived: str = "1.258", note: str | None = None) -> Line:
    return Line("card", claim, claimed, derived, "0.001", verdict == "holds", note, verdict)


@pytest.fixture
def result() -> Verification:
    lines = [
        line("rows", "holds"),
        line("text\nadded by hand", "not looked at"),
        line("NLL " + "long " * 60, "does not hold", "1.258", "1.300", "see\nthe report"),
        line("sha256", "does not hold", SHA, SHA[:-1] + "0"),
        line("base", "could not be looked at"),
    ]
    pin = Pin(repo="a/b", type="model", revision="0" * 40)
    return Verification(pin, "card", Code("0.2", "0" * 64, "3.11", {}), {}, lines, {})


def test_one_line_for_each_claim_with_failures_first(result: Verification, capsys: pytest.CaptureFixture[str]) -> None:
    print_verification(result, brief=False)
    printed = capsys.readouterr().out.splitlines()[: len(result.lines)]
    verdicts = [text.partition(": ")[0] for text in printed]
    assert verdicts == sorted((str(one.verdict) for one in result.lines), key=ORDER.index)
    assert "claimed 1.258, derived 1.300, tolerance 0.001 (see the report)" in printed[0]
    assert SHA in printed[1]  # its short form would hide the difference


def test_brief_prints_only_what_does_not_hold_and_the_verdict(
    result: Verification, capsys: pytest.CaptureFixture[str]
) -> None:
    print_verification(result, brief=True)
    printed = capsys.readouterr().out
    assert "not verified: 2 of 3 claims do not hold" in printed and "holds: level card: rows" not in printed

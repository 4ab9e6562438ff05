"""The badge of a verification."""

from xml.etree import ElementTree

from model_card.verification.badge import badge
from tests.model_card.verification.literal_lines import CHECKS, verification


def test_the_badge_has_verdict_and_commit() -> None:
    lines = CHECKS.equal("n", 1, 1), CHECKS.equal("n", 1, 2), CHECKS.could_not_be_looked_at("n", 1, "gone")
    good, bad, unknown = (badge(verification(line)) for line in lines)
    texts = [
        ["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter() if one.tag.endswith("text")]
        for svg in (good, bad, unknown)
    ]
    verdicts = [text[1] for text in texts]
    assert verdicts == ["card = records = answers", "not verified", "could not be looked at"] and texts[0][::2] == [
        "titlecraft",
        "a1b2c3d4",
    ]
    assert "#2f7d4f" in good and "#b3372b" in bad and "http" not in good.replace("http://www.w3.org/2000/svg", "")

"""A verification with literal lines."""

from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line, Verification
from titlecraft.records import Code, Pin

CHECKS = Checks("scores", "report")


CODE = Code(titlecraft="0.1.0", sources="5" * 64, python="3.11.7", packages={})


def verification(*lines: Line) -> Verification:
    pin = Pin(type="model", repo="ns/titles", revision="a1b2c3d4e5" * 4)
    return Verification(
        repo=pin, level="scores", code=CODE, impossible={}, lines=list(lines), remarks={}
    )  # fmt: skip

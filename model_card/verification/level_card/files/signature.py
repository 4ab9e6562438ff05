"""Level card, model.sig: the files that SHA256SUMS lists are those that the owner of a key signed (`--signed-by`)."""

from pathlib import Path

from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.signing import fault_of_signature
from titlecraft.records.repo_files import CHECKSUMS, SIGNATURE


def verify_signature(state: RepoState, signed_by: Path | None) -> list[Line]:
    """One line: the signature holds for this key. Without a key, a line that a signature is not looked at, if there is one.

    Raises UserError if model_signing is not installed, or the key cannot be read.
    """
    checks = Checks("card", "signature")
    if signed_by is None:
        if SIGNATURE not in state.paths:
            return []
        advice = "`--signed-by FILE` with the public key of who you think signed it"
        return [checks.not_looked_at(SIGNATURE, "there", "not looked at", advice)]
    fault = fault_of_signature(state.pin, signed_by)
    claim = f"files of {CHECKSUMS} signed by {signed_by.name}"
    return [checks.line(claim, "signed", fault or "signed", fault is None, EXACT)]

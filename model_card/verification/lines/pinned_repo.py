"""The line about a repo that a record names: the pinned commit exists on the Hub and has the expected files."""

from huggingface_hub import HfApi

from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.lines.unavailable import is_access_denied, is_hub_down
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import pin
from titlecraft.records import Pin


def commit_exists(checks: Checks, role: str, pinned: Pin, files: tuple[str, ...] = (), folder: str = "") -> Line:
    """A line that holds if the Hub has this commit, with these files and at least one file in `folder`.

    Args:
        role: the role of the repo in the claim, such as "base".
        folder: a path that ends with a slash; empty for no such condition.
    """
    claimed = f"{pinned.repo}@{pinned.revision}"
    try:
        current = pin(claimed, pinned.type)
        with hub_errors(f"looking into {pinned}", pinned.repo, pinned.type):
            paths = HfApi().list_repo_files(pinned.repo, repo_type=pinned.type, revision=pinned.revision)
    except UserError as error:
        if is_hub_down(error):
            raise
        if is_access_denied(error):
            return checks.could_not_be_looked_at(f"{role} exists", claimed, f"not accessible: {error}")
        return checks.line(f"{role} exists", claimed, f"no: {error}", False, EXACT)
    missing = [file for file in files if file not in paths]
    missing += [] if any(path.startswith(folder) for path in paths) else [f"{folder}…"]
    derived = f"{current.repo}@{current.revision}" + (f" without {', '.join(missing)}" if missing else "")
    return checks.equal(f"{role} exists", claimed, derived)

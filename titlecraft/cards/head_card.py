"""The card at the head of a repo, and the card that is published on top of it."""

from pathlib import Path

from titlecraft.cards.merge import Owned, merge
from titlecraft.hub.pins import read_file
from titlecraft.records import Pin
from titlecraft.records.repo_files import CARD


def read_head_card(head: Pin | None) -> str | None:
    """Return the text of README.md at the head of a repo; None for a new repo, or one without a card."""
    content = read_file(head, CARD) if head else None
    return None if content is None else content.decode("utf-8", errors="replace")


def write_merged_card(folder: Path, repo: str, head: Pin | None, generated: str, owned: Owned) -> None:
    """Write README.md into a folder that will be published on top of `head`.

    The file is the generated card with the text and metadata that people added to the head's card.

    Args:
        repo: NAMESPACE/NAME, or a folder; names the card in error messages.
        owned: the metadata that `generated` replaces.

    Raises:
        UserError: the head's card cannot be parsed.
    """
    merged = merge(read_head_card(head), generated, owned, f"{CARD} of {repo}")
    (folder / CARD).write_text(merged, encoding="utf-8", newline="\n")

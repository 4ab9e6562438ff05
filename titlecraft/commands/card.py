"""titlecraft card NS/NAME"""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from titlecraft.records import Pin


def main(arguments: list[str]) -> None:
    """Render the card of an adapter repo anew, from its records, and publish it if it changed."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, prog="titlecraft card", description="Write the model card anew from the records in a repo. "
        "Text and metadata that a person added to the card stay."
    )  # fmt: skip
    parser.add_argument("repo", help="adapter repo: NAMESPACE/NAME; with --dry-run also one that somebody else made")
    parser.add_argument("--dry-run", action="store_true", help="print the card, publish nothing")
    asked = parser.parse_args(arguments)

    from model_card.build import write_card
    from titlecraft.hub import address, pin, read_file, require_write
    from titlecraft.publishing import publish, sole_publisher
    from titlecraft.records import TRAINING_RECORD

    head = pin(asked.repo, "model")
    if read_file(head, TRAINING_RECORD) is None:
        show_foreign(head, asked.dry_run)
        return
    with tempfile.TemporaryDirectory() as temporary, sole_publisher(head.repo, "model"):
        folder = Path(temporary)
        write_card(folder, head.repo, head)
        text = (folder / "README.md").read_bytes()
        if asked.dry_run:
            print(text.decode())
        elif read_file(head, "README.md") == text:
            print(f"nothing to do: the card of {head} is what its records say")
        else:
            require_write(head.repo)
            message = "Render the card from the records"
            done = publish(
                head.repo, "model", head, folder, message, private=True, replaces=(), check=lambda path: None
            )
            print(f"card of {done}\n{address(done)}")


def show_foreign(head: "Pin", dry_run: bool) -> None:
    """Print the card of somebody else's adapter. Raises UserError where it was to be published."""
    from model_card.foreign import read_foreign, render_foreign
    from titlecraft.errors import UserError
    from titlecraft.records import TRAINING_RECORD

    card = render_foreign(read_foreign(head))
    if not dry_run:
        raise UserError(
            f"model {head.repo} has no {TRAINING_RECORD}: no record says how it was made, so that a card for it would say "
            "next to nothing, in place of its author's. `--dry-run` shows it; publish it yourself if you mean to"
        )
    print(card)

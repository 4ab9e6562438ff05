"""titlecraft card [datasets/]NS/NAME"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.records.repo_files import CARD

if TYPE_CHECKING:
    from titlecraft.records import Pin


def main(arguments: list[str]) -> None:
    """Render the card of an adapter or a dataset again from its records, and publish it if it changed."""
    parser = VerbParser(
        prog="titlecraft card",
        description="Render the card again from the records in a repo. "
        "Text and metadata that a person added to the card stay.",
    )
    parser.add_argument(
        "repo",
        help="adapter repo NAMESPACE/NAME (with --dry-run also a third-party adapter), or datasets/NAMESPACE/NAME",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the card, publish nothing")
    options = parser.parse_args(arguments)

    from titlecraft.hub.pins import pin, read_file
    from titlecraft.records import TRAINING_RECORD

    if options.repo.startswith("datasets/"):
        from dataset_builder.card.write import write_card_anew

        publish_rendering(pin(options.repo.removeprefix("datasets/"), "dataset"), write_card_anew, options.dry_run)
        return
    from model_card.published import write_picture_and_card

    head = pin(options.repo, "model")
    if read_file(head, TRAINING_RECORD) is None:
        show_third_party(head, options.dry_run)
    else:
        publish_rendering(head, write_picture_and_card, options.dry_run)


def publish_rendering(head: "Pin", write: Callable[[Path, str, "Pin"], None], dry_run: bool) -> None:
    """Publish the files that `write` renders if they differ from the repo's, or print the card."""
    from titlecraft.command_line.page_link import page_link
    from titlecraft.hub.pins import read_file, require_write
    from titlecraft.hub.publishing import publish, sole_publisher

    with tempfile.TemporaryDirectory() as temporary, sole_publisher(head.repo, head.type):
        folder = Path(temporary)
        write(folder, head.repo, head)
        paths = [path for path in folder.rglob("*") if path.is_file()]
        if dry_run:
            print((folder / CARD).read_text(encoding="utf-8"))
        elif all(read_file(head, path.relative_to(folder).as_posix()) == path.read_bytes() for path in paths):
            print(f"nothing to do: the card of {head} is what its records say")
        else:
            require_write(head.repo)
            message = "Render the card from the records"
            published = publish(
                head.repo, head.type, head, folder, message, private=True, replaces=(), check=lambda path: None
            )
            print(f"card of {published}\n{page_link(published)}")


def show_third_party(head: "Pin", dry_run: bool) -> None:
    """Print the card of a third-party adapter. Raises UserError without `dry_run`: it is not published."""
    from model_card.third_party import read_third_party, render_third_party
    from titlecraft.errors import UserError
    from titlecraft.records import TRAINING_RECORD

    card = render_third_party(read_third_party(head))
    if not dry_run:
        raise UserError(
            f"model {head.repo} has no {TRAINING_RECORD}: no record says how it was made, so that a card for it would say "
            "next to nothing, in place of its author's. `--dry-run` shows it; publish it yourself if you mean to"
        )
    print(card)

"""titlecraft card NS/NAME"""

import argparse
import tempfile
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Render the card of an adapter repo anew, from its records, and publish it if it changed."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, prog="titlecraft card", description="Write the model card anew from the records in a repo."
    )
    parser.add_argument("repo", help="adapter repo: NAMESPACE/NAME")
    parser.add_argument("--dry-run", action="store_true", help="print the card, publish nothing")
    asked = parser.parse_args(arguments)

    from model_card.build import write_card
    from titlecraft.hub import address, download, pin, require_write
    from titlecraft.publishing import publish, sole_publisher

    head = pin(asked.repo, "model")
    with tempfile.TemporaryDirectory() as temporary, sole_publisher(head.repo, "model"):
        folder = Path(temporary)
        there = download(head, ["README.md"])
        write_card(folder, head.repo, head)
        text = (folder / "README.md").read_text(encoding="utf-8")
        if asked.dry_run:
            print(text)
        elif (there / "README.md").is_file() and (there / "README.md").read_text(encoding="utf-8") == text:
            print(f"nothing to do: the card of {head} is what its records say")
        else:
            require_write(head.repo)
            message = "Render the card from the records"
            done = publish(
                head.repo, "model", head, folder, message, private=True, replaces=(), check=lambda path: None
            )
            print(f"card of {done}\n{address(done)}")

"""titlecraft build trn.json.gz --repo NS/NAME --recipe tiny"""

from pathlib import Path

from titlecraft.arguments import StageParser


def main(arguments: list[str]) -> None:
    """Catalogue -> dataset repo, with card and record."""
    stage = StageParser("build", "Turn a catalogue into a published instruction dataset.", ["data", "prompt"])
    stage.add("source", type=str, help="JSON lines with a title and a description, plain or .gz")
    stage.add("--repo", type=str, required=True, help="dataset repo to publish to: NAMESPACE/NAME")
    stage.add(
        "--public", action="store_true", help="make a new repo public (default: private, since the licence is unknown)"
    )
    stage.add("--fresh", action="store_true", help="build and publish even if the same was published already")
    stage.add("--allow-incomplete", action="store_true", help="build from a file that is cut; the card says so")
    stage.add(
        "--workers", type=int, default=None, help="processes that read and write (default: 2, or 1 for a small file)"
    )
    recipe, asked = stage.parse(arguments)

    from dataset_builder.build import build
    from titlecraft.hub import address

    published, record = build(
        Path(asked.source), asked.repo, recipe, private=not asked.public, fresh=asked.fresh,
        allow_incomplete=asked.allow_incomplete, workers=asked.workers,
    )  # fmt: skip
    rows = ", ".join(f"{name} {split.rows:,}" for name, split in record.splits.items())
    print(f"dataset {published}: {rows} rows\n{address(published)}")

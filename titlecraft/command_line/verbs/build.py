"""titlecraft build trn.json.gz --repo NS/NAME --recipe tiny

titlecraft build --engine ray 's3://bucket/part-*.json.gz' --repo NS/NAME --work s3://bucket/work
"""

from titlecraft.command_line.recipe_options import StageParser
from titlecraft.settings import MAX_LOSS


def main(arguments: list[str]) -> None:
    """Catalogue -> dataset repo, with card and record."""
    stage = StageParser("build", "Turn a catalogue into a published instruction dataset.", ["data", "prompt"])
    stage.add(
        "source", type=str, nargs="+",
        help="JSON lines with a title and a description, plain or .gz: files, quoted globs, or fsspec URLs such as "
        "'s3://bucket/*.json.gz' (pip install s3fs); read in the order of their names",
    )  # fmt: skip
    stage.add("--repo", type=str, required=True, help="dataset repo to publish to: NAMESPACE/NAME")
    stage.add(
        "--public", action="store_true", help="make a new repo public (default: private, since the licence is unknown)"
    )
    stage.add("--fresh", action="store_true", help="build and publish even if the same was published already")
    stage.add(
        "--max-loss", type=float, default=MAX_LOSS, metavar="SHARE",
        help="publish nothing where more than this share of the lines has to be quarantined (0 to 1)",
    )  # fmt: skip
    stage.add("--allow-incomplete", action="store_true", help="build from a file that is cut; the card says so")
    stage.add(
        "--workers", type=int, default=None, help="processes that read and write (default: 2, or 1 for a small file)"
    )
    stage.add(
        "--engine", choices=["local", "ray"], default="local",
        help="ray: on the cluster that RAY_ADDRESS names or that runs on this machine, else on a Ray of its own. A cluster "
        "needs the same Python, titlecraft[ray] and packages on every node, the source where every node can read it, and "
        "--work. Plain files are read in ranges, a .gz file by one worker from end to end: give many. Keys of all rows "
        "(24 bytes each) stay in this process. The result is that of the local engine, byte for byte",
    )  # fmt: skip
    stage.add(
        "--work", default=None, metavar="FOLDER|URL",
        help="where cleaned rows and shards wait until they are published; on a cluster a folder that all nodes mount at "
        "the same path, or an fsspec URL that they can write to (default: below TITLECRAFT_WORK or HF_HOME)",
    )  # fmt: skip
    recipe, asked = stage.parse(arguments)

    from dataset_builder.build import build
    from dataset_builder.options import BuildOptions
    from dataset_builder.outcome import outcome_lines
    from titlecraft.hub.pins import address

    options = BuildOptions(
        private=not asked.public,
        fresh=asked.fresh,
        allow_incomplete=asked.allow_incomplete,
        workers=asked.workers,
        engine=asked.engine,
        work_storage=asked.work,
        max_loss=asked.max_loss,
    )
    published, record = build(asked.source, asked.repo, recipe, options)
    print("\n".join(outcome_lines(record)))
    rows = ", ".join(f"{name} {split.rows:,}" for name, split in record.splits.items())
    print(f"dataset {published}: {rows} rows\n{address(published)}")

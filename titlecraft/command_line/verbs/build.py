"""titlecraft build trn.json.gz --repo NS/NAME --recipe tiny

titlecraft build --engine ray 's3://bucket/part-*.json.gz' --repo NS/NAME --work s3://bucket/work
"""

from titlecraft.command_line.recipe_options import StageParser
from titlecraft.settings import MAX_LOSS


def main(arguments: list[str]) -> None:
    """Build a dataset from a catalogue and publish it, with its card and record."""
    stage = StageParser("build", "Turn a catalogue into a published instruction dataset.", ["data", "prompt"])
    stage.add(
        "source",
        type=str,
        nargs="+",
        help="JSON lines with a title and a description, plain or .gz: files, quoted globs, or fsspec URLs such as "
        "'s3://bucket/*.json.gz' (pip install s3fs); read in order of their names",
    )
    stage.add("--repo", type=str, required=True, help="dataset repo to publish to: NAMESPACE/NAME")
    stage.add(
        "--public", action="store_true", help="make a new repo public (default: private, since the licence is unknown)"
    )
    stage.add("--fresh", action="store_true", help="build and publish even if the repo already holds the same dataset")
    stage.add(
        "--max-loss",
        type=float,
        default=MAX_LOSS,
        metavar="SHARE",
        help="publish nothing if more than this share of the lines is quarantined (0 to 1)",
    )
    stage.add("--allow-incomplete", action="store_true", help="build from a truncated file; the card says so")
    stage.add(
        "--workers",
        type=int,
        default=None,
        help="number of processes that read and write (default: 2, or 1 for a small file)",
    )
    stage.add(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="ray: run on the cluster that RAY_ADDRESS names or that this machine belongs to, otherwise on a new local one. A cluster "
        "needs the same Python, titlecraft[ray] and packages on every node, a source that every node can read, and --work. "
        "Plain files are read in ranges, each .gz file by one worker, so many files are faster. The keys of all rows (24 bytes "
        "each) stay in this process. The result equals that of the local engine, byte for byte",
    )
    stage.add(
        "--work",
        default=None,
        metavar="FOLDER|URL",
        help="storage for cleaned rows and shards until they are published; on a cluster, a folder that all nodes mount at "
        "the same path, or an fsspec URL that they can write to (default: below TITLECRAFT_WORK or HF_HOME)",
    )
    recipe, options = stage.parse(arguments)

    from dataset_builder.build import build
    from dataset_builder.options import BuildOptions
    from dataset_builder.outcome import outcome_lines
    from titlecraft.hub.pins import address

    build_options = BuildOptions(
        private=not options.public,
        fresh=options.fresh,
        allow_incomplete=options.allow_incomplete,
        workers=options.workers,
        engine=options.engine,
        work_storage=options.work,
        max_loss=options.max_loss,
    )
    published, record = build(options.source, options.repo, recipe, build_options)
    print("\n".join(outcome_lines(record)))
    rows = ", ".join(f"{name} {split.rows:,}" for name, split in record.splits.items())
    print(f"dataset {published}: {rows} rows\n{address(published)}")

"""titlecraft build trn.json.gz --repo NS/NAME --recipe tiny

titlecraft build --engine ray 's3://bucket/part-*.json.gz' --repo NS/NAME --work s3://bucket/work
"""

from dataclasses import replace

from titlecraft.command_line.jobs.options import add_job_options
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.errors import UserError
from titlecraft.settings import MAX_LOSS


def main(arguments: list[str]) -> int | None:
    """Catalogue -> dataset repo, with card and record; returns the exit status of a job, if it ran in one."""
    stage = StageParser("build", "Turn a catalogue into a published instruction dataset.", ["data", "prompt"])
    stage.add(
        "source",
        type=str,
        nargs="+",
        help="products with a title and a description as JSON (lines, arrays, lists inside a document), CSV or TSV, XML, Parquet, "
        "Arrow, or Python dictionaries, plain or compressed (gz, bz2, xz, zst, zip): files, folders, quoted globs, fsspec URLs "
        "such as 's3://bucket/*.json.gz' (pip install s3fs), datasets of the Hub (datasets/NAMESPACE/NAME[@REVISION]), or - "
        "for what is piped in; read in the order of their names",
    )
    stage.add("--repo", type=str, default=None, help="dataset repo to publish to: NAMESPACE/NAME")
    stage.add(
        "--preview",
        type=int,
        default=None,
        metavar="N",
        help="show the first N lines before and after cleaning, the counts of all lines and the prompt, and publish nothing",
    )
    stage.add(
        "--license",
        type=str,
        default=None,
        help="licence of the texts on the card, as the Hub calls it: cc-by-4.0, other",
    )
    stage.add("--language", type=str, default=None, help="languages of the texts on the card, by ISO 639: en or pt,es")
    stage.add("--pretty-name", type=str, default=None, help="name of the dataset on the card")
    stage.add("--config", type=str, default=None, help="config of a dataset of the Hub (default: its default config)")
    stage.add("--split", type=str, default=None, help="split of a dataset of the Hub (default: all of them)")
    stage.add(
        "--quarantine",
        choices=["columns", "raw"],
        default=None,
        help="raw: publish malformed lines as they are, with every column they hold; same as --data.quarantine",
    )
    stage.add(
        "--public", action="store_true", help="make a new repo public (default: private, since the licence is unknown)"
    )
    stage.add("--fresh", action="store_true", help="build and publish even if the same was published already")
    stage.add(
        "--max-loss",
        type=float,
        default=MAX_LOSS,
        metavar="SHARE",
        help="publish nothing where more than this share of the lines has to be quarantined (0 to 1)",
    )
    stage.add("--allow-incomplete", action="store_true", help="build from a file that is cut; the card says so")
    stage.add(
        "--workers", type=int, default=None, help="processes that read and write (default: 2, or 1 for a small file)"
    )
    stage.add(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="ray: on the cluster that RAY_ADDRESS names or that runs on this machine, else on a Ray of its own. A cluster "
        "needs the same Python, titlecraft[ray] and packages on every node, the source where every node can read it, and "
        "--work. Plain files are read in ranges, a .gz file by one worker from end to end: give many. Keys of all rows "
        "(24 bytes each) stay in this process. The result is that of the local engine, byte for byte",
    )
    stage.add(
        "--work",
        default=None,
        metavar="FOLDER|URL",
        help="where cleaned rows and shards wait until they are published; on a cluster a folder that all nodes mount at "
        "the same path, or an fsspec URL that they can write to (default: below TITLECRAFT_WORK or HF_HOME)",
    )
    add_job_options(stage)
    recipe, options = stage.parse(arguments)
    if options.quarantine:
        recipe = replace(recipe, data=replace(recipe.data, quarantine=options.quarantine))
    if options.on:
        from titlecraft.command_line.jobs.requests import build_on_hub

        return build_on_hub(recipe, options)

    from dataset_builder.build import build
    from dataset_builder.options import BuildOptions
    from dataset_builder.outcome import outcome_lines
    from titlecraft.command_line.page_link import page_link
    from titlecraft.records.dataset import About

    build_options = BuildOptions(
        private=not options.public,
        fresh=options.fresh,
        allow_incomplete=options.allow_incomplete,
        workers=options.workers,
        engine=options.engine,
        work_storage=options.work,
        max_loss=options.max_loss,
        about=About(options.license, split_list(options.language), options.pretty_name),
        config=options.config,
        split=options.split,
    )
    if options.preview is not None:
        if options.preview < 1:
            raise UserError(f"--preview {options.preview}: expected a number of lines, 1 or more")
        from dataset_builder.preview import preview

        for line in preview(options.source, recipe, build_options, options.preview):
            print(line)
        return None
    if options.repo is None:
        raise UserError(
            "titlecraft build: --repo is required: --repo NAMESPACE/NAME (or --preview N, which publishes nothing)"
        )
    published, record = build(options.source, options.repo, recipe, build_options)
    print("\n".join(outcome_lines(record)))
    rows = ", ".join(f"{name} {split.rows:,}" for name, split in record.splits.items())
    print(f"dataset {published}: {rows} rows\n{page_link(published)}")
    return None


def split_list(codes: str | None) -> list[str] | None:
    """Return the codes between commas; None if none are given."""
    return None if codes is None else [code.strip() for code in codes.split(",")]

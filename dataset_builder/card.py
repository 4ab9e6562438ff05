"""The dataset card: a pure rendering of dataset_record.json, plus the metadata that `datasets` and the Hub read."""

from pathlib import Path

import msgspec
from huggingface_hub import DatasetCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from dataset_builder.alpaca import COLUMNS
from dataset_builder.plots import length_labels, plot_lengths, plot_splits
from titlecraft.records import DatasetRecord

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


def metadata(record: DatasetRecord, in_memory: dict[str, int]) -> DatasetCardData:
    """Front matter. No licence is known for catalogue text, so it says `unknown`; nothing here may say otherwise."""
    files = {name: [file.path for file in split.files] for name, split in record.splits.items()}
    return DatasetCardData(
        license="unknown",
        language=["en"],
        task_categories=["text-generation"],
        tags=["alpaca", "instruction-finetuning", "product-descriptions", "titlecraft"],
        size_categories=[next((size for limit, size in SIZES if record.published < limit), "n>10M")],
        pretty_name="Product titles and descriptions, Alpaca format",
        configs=[
            {"config_name": "default", "data_files": [{"split": name, "path": paths} for name, paths in files.items()]}
        ],
        dataset_info={
            "features": [{"name": column, "dtype": "string"} for column in COLUMNS],
            "splits": [
                {"name": name, "num_bytes": in_memory[name], "num_examples": split.rows}
                for name, split in record.splits.items()
            ],
            "download_size": sum(file.bytes for split in record.splits.values() for file in split.files),
            "dataset_size": sum(in_memory.values()),
        },
    )


def render(repo: str, record: DatasetRecord, in_memory: dict[str, int], one_example: dict[str, str] | None) -> str:
    """The whole card, front matter and text. The same record gives the same card."""
    environment = Environment(
        loader=PackageLoader("dataset_builder"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    template = environment.get_template("dataset_card.md.jinja")
    body = template.render(
        repo=repo, record=record, one_example=one_example, settings=msgspec.to_builtins(record.data),
        length_labels=length_labels(next(iter(record.splits.values())).output_length.edges),
    )  # fmt: skip
    return f"---\n{metadata(record, in_memory).to_yaml()}\n---\n\n{body}"


def write_card(folder: Path, repo: str, record: DatasetRecord, in_memory: dict[str, int]) -> None:
    """Write README.md and the pictures in assets/ into the folder that will be published."""
    (folder / "assets").mkdir(exist_ok=True)
    plot_lengths(record, folder / "assets" / "output_length.png")
    plot_splits(record, folder / "assets" / "splits.png")
    (folder / "README.md").write_text(render(repo, record, in_memory, first_row(folder, record)), encoding="utf-8")


def first_row(folder: Path, record: DatasetRecord) -> dict[str, str] | None:
    """The first row of the training split: the example on the card."""
    import pyarrow.parquet as pq

    first = next(pq.ParquetFile(folder / record.splits["train"].files[0].path).iter_batches(batch_size=1), None)
    return first.to_pylist()[0] if first is not None and first.num_rows else None

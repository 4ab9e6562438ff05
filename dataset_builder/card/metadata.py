"""The dataset card's front matter, as `datasets` and the Hub read it.

It claims no licence for the texts by itself: a publisher states one with `--license`, or in the metadata of the published card.
For AmazonTitles-1.3MM nobody can, since no licence of its texts is known.
"""

from typing import Any

from huggingface_hub import DatasetCardData

from dataset_builder.shards.alpaca import published_columns
from titlecraft.cards.merge import Owned
from titlecraft.errors import UserError
from titlecraft.records import DatasetRecord, Split

LICENCE = "unknown"
LICENCE_KEYS = ("license", "license_name", "license_link", "license_details")
PRETTY_NAME = "Product titles and descriptions, Alpaca format"
WHY = "no licence of these texts is known: the source states none that this program reads"
SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
TAGS = ("alpaca", "instruction-finetuning", "product-descriptions", "titlecraft")
OWNED = Owned(
    keys=frozenset({*LICENCE_KEYS, "dataset_info", "source_datasets"}),
    values={"tags": frozenset(TAGS), "task_categories": frozenset({"text-generation"})},
)


def metadata(record: DatasetRecord, existing: dict[str, Any]) -> dict[str, Any]:
    """Return the front matter; of the existing one stay its licence, its name, and `configs` and `dataset_info` of other names."""
    files = {name: [file.path for file in split.files] for name, split in record.splits.items()}
    data_files = [{"split": name, "path": paths} for name, paths in files.items()]
    others = others_than_default(existing.get("dataset_info"))
    info = dataset_info(record)
    return DatasetCardData(
        **licence(record, existing),
        language=languages(record, existing),
        task_categories=["text-generation"],
        source_datasets=[source.partition("@")[0] for source in record.source.hub_datasets] or None,
        tags=list(TAGS),
        size_categories=[next((size for limit, size in SIZES if record.published < limit), "n>10M")],
        pretty_name=pretty_name(record, existing),
        configs=[{"config_name": "default", "data_files": data_files}, *others_than_default(existing.get("configs"))],
        dataset_info=[{"config_name": "default"} | info, *others] if others else info,
    ).to_dict()


def licence(record: DatasetRecord, existing: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata about the licence: what the record states, else what the existing metadata state, else unknown."""
    if record.source.is_amazon_titles:
        return {"license": LICENCE}
    if record.about.license is not None:
        return {"license": record.about.license}
    stated = {key: existing[key] for key in LICENCE_KEYS if existing.get(key) not in (None, "", [])}
    return stated if stated.get("license", LICENCE) != LICENCE else {"license": LICENCE}


def languages(record: DatasetRecord, existing: dict[str, Any]) -> Any:
    """Return the language that the record states, else that of the existing metadata, else what was detected."""
    own = existing.get("language")
    if record.about.language or record.source.is_amazon_titles or own in (None, "", []):
        return record.languages
    return own


def pretty_name(record: DatasetRecord, existing: dict[str, Any]) -> str:
    """Return the dataset's name: what the record states, else that of the existing metadata, else a general one."""
    own = existing.get("pretty_name")
    return record.about.pretty_name or (own if isinstance(own, str) and own.strip() else PRETTY_NAME)


def dataset_info(record: DatasetRecord) -> dict[str, Any]:
    """Return features, rows and bytes of each split; without bytes in memory if the record is older and has none."""
    known = [split.bytes_in_memory for split in record.splits.values() if split.bytes_in_memory is not None]
    return {
        "features": [{"name": column, "dtype": "string"} for column in published_columns(record.data)],
        "splits": [split_info(name, split) for name, split in record.splits.items()],
        "download_size": sum(file.bytes for split in record.splits.values() for file in split.files),
        **({"dataset_size": sum(known)} if len(known) == len(record.splits) else {}),
    }


def split_info(name: str, split: Split) -> dict[str, Any]:
    """Return one split as `datasets` reads it."""
    size = {} if split.bytes_in_memory is None else {"num_bytes": split.bytes_in_memory}
    return {"name": name, **size, "num_examples": split.rows}


def others_than_default(value: Any) -> list[dict[str, Any]]:
    """Return the entries that people added: those of a list that name another config than "default"."""
    entries = value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("config_name", "default") != "default"]


def claimed_licences(front: dict[str, Any]) -> list[str]:
    """Return the licences that a front matter claims by its keys or by a tag."""
    stated = [front.get(key) for key in LICENCE_KEYS]
    tags = front.get("tags")
    stated += [tag.partition(":")[2] for tag in (tags if isinstance(tags, list) else []) if is_licence_tag(tag)]
    stated += [licence for value in stated if isinstance(value, list) for licence in value]
    return [licence for licence in stated if isinstance(licence, str) and licence != LICENCE]


def without_licence_tags(front: dict[str, Any]) -> dict[str, Any]:
    """Return a front matter without tags that claim a licence."""
    tags = front.get("tags")
    return front | {"tags": [tag for tag in tags if not is_licence_tag(tag)]} if isinstance(tags, list) else front


def is_licence_tag(tag: Any) -> bool:
    """Return whether the Hub reads a tag as a licence."""
    return isinstance(tag, str) and tag.startswith("license:")


def require_no_licence(front: dict[str, Any], where: str) -> None:
    """Raise UserError if a front matter claims a licence for the texts."""
    if claims := claimed_licences(front) or ([] if front.get("license") == LICENCE else ["none at all"]):
        raise UserError(
            f"{where} says `license: {claims[0]}`: expected `license: {LICENCE}`, because {WHY}. Take the claim out"
        )

"""Writes the dataset card: a rendering of dataset_record.json and lineage.json, merged with text that people added."""

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from jinja2 import Environment

from dataset_builder.card.build_command import build_command, completeness
from dataset_builder.card.hub_tasks import write_hub_tasks
from dataset_builder.card.metadata import (
    LICENCE,
    OWNED,
    WHY,
    claimed_licences,
    licence,
    metadata,
    pretty_name,
    require_no_licence,
    without_licence_tags,
)
from dataset_builder.card.plots import length_labels, plot_lengths, plot_splits
from dataset_builder.outcome import share_label, split_notes
from titlecraft.cards.front_matter import split_front_matter
from titlecraft.cards.head_card import read_head_card
from titlecraft.cards.lineage_picture import draw_dataset
from titlecraft.cards.merge import merge, split
from titlecraft.cards.templates import markdown_templates
from titlecraft.errors import UserError
from titlecraft.hub.pins import read_file
from titlecraft.records import DATASET_RECORD, DatasetRecord, Leakage, Pin, read_record
from titlecraft.records.lineage import DatasetLineage, best_first, in_words, link
from titlecraft.records.repo_files import CARD, LINEAGE, LINEAGE_PICTURE

PICTURES = ("assets/output_length.png", "assets/splits.png")  # rendered from the dataset's record alone
ASSUMED_ENGLISH = "English is assumed, as in AmazonTitles-1.3MM"  # on cards of older versions
LONGEST_EXAMPLE = 600  # characters of each text


@dataclass(frozen=True)
class CardInputs:
    """The inputs of the generated card."""

    repo: str
    record: DatasetRecord
    lineage: DatasetLineage | None = None


def read_card_inputs(pinned: Pin) -> CardInputs:
    """Return the inputs of the card at a published revision. Raise UserError if the repo has no dataset record."""
    raw = read_file(pinned, DATASET_RECORD)
    if raw is None:
        raise UserError(f"{pinned} has no {DATASET_RECORD}: expected a dataset that `titlecraft build` published")
    record = read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {pinned}")
    return CardInputs(pinned.repo, record, read_lineage(pinned))


def read_lineage(pinned: Pin) -> DatasetLineage | None:
    """Return the adapters that the repo lists, or None. Raise UserError if this version cannot read the list."""
    raw = read_file(pinned, LINEAGE)
    return None if raw is None else read_record(raw, DatasetLineage, f"{LINEAGE} of {pinned}")


def render(inputs: CardInputs, existing: str | None = None, where: str = CARD) -> str:
    """Return the whole card: generated sections, merged with the text that people added to the existing card.

    The same inputs give the same card, and rendering is idempotent. Raises UserError if the existing card cannot be parsed,
    or its metadata would still claim a licence.
    """
    existing = None if existing is None else without_claims(existing, where, inputs.record)
    front = split(existing, where).metadata if existing is not None else {}
    text = merge(existing, fresh(inputs, front), OWNED, where)
    if inputs.record.source.is_amazon_titles:
        require_no_licence(split(text, where).metadata, where)
    return text


@cache  # with its compiled templates
def environment() -> Environment:
    """The templates of dataset cards, with their filters."""
    templates = markdown_templates("dataset_builder.card")
    templates.filters["thousands"] = "{:,}".format
    templates.filters["source_link"] = source_link
    return templates


def fresh(inputs: CardInputs, front: dict[str, object]) -> str:
    """Return the generated sections and metadata; `front` is the existing metadata, for configs that people added."""
    record = inputs.record
    body = (
        environment()
        .get_template("dataset_card.md.jinja")
        .render(
            repo=inputs.repo,
            record=record,
            train=record.splits["train"].output_length,
            length_labels=length_labels(record.splits["train"].output_length.edges),
            duplicates=record.dropped.get("duplicate", 0),
            repeated=record.dropped.get("repeated_content", 0),
            command=build_command(inputs.repo, record),
            completeness=completeness(record),
            revisions=inputs.lineage.by_revision() if inputs.lineage else {},
            licence=licence(record, front),
            name=on_one_line(pretty_name(record, front)),
            columns=record.data.keep_columns,
            share=lambda count, of: share_label(count / max(1, of)),
            percent=lambda value: f"{100 * value:.4g} %",
            best_first=best_first,
            in_words=in_words,
            link=link,
            near=near_label,
            notes=list(split_notes(record)),
            seen=record.published if record.near_measured is None else record.near_measured,
        )
    )
    return f"---\n{yaml.safe_dump(metadata(record, front), sort_keys=False, allow_unicode=True)}---\n\n{body}"


def source_link(source: str) -> str:
    """Return a link to a dataset of the Hub, NS/NAME@COMMIT."""
    repo, _, commit = source.partition("@")
    return f"[{repo}](/datasets/{repo}/tree/{commit}) at commit `{commit}`"


def near_label(leakage: Leakage) -> str:
    """Return the near-duplicates of a held-out split in the training split, among the rows that were measured."""
    if leakage.near_duplicates is None:
        return "not measured"
    measured = leakage.rows if leakage.near_measured is None else leakage.near_measured
    share = f"{leakage.near_duplicates:,} ({100 * leakage.near_duplicates / max(1, measured):.2f} %)"
    return share if measured == leakage.rows else f"{share}, measured on {measured:,} of {leakage.rows:,} rows"


def without_claims(existing: str, where: str, record: DatasetRecord) -> str:
    """Return the card of AmazonTitles-1.3MM without tags that claim a licence; merging overwrites its `license` keys.

    The language that older versions assumed is removed too; one that a person added stays.
    """
    stated = split(existing, where).metadata
    front = without_licence_tags(stated) if record.source.is_amazon_titles else stated
    if ASSUMED_ENGLISH in existing and front.get("language") in ("en", ["en"]):
        front = {key: value for key, value in front.items() if key != "language"}
    if front == stated:
        return existing
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n{split_front_matter(existing)[1]}"


def write_card(folder: Path, repo: str, head: Pin | None) -> None:
    """Write the card and its plots into the folder that will be published on top of `head`.

    The folder contains the dataset's record; the adapters are those that the head lists. Prints a warning if a person's
    claim of a licence is removed.
    """
    raw = (folder / DATASET_RECORD).read_bytes()
    record = read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {repo}")
    plot(record, folder)
    write_card_of(folder, CardInputs(repo, record, read_lineage(head) if head else None), head)


def write_card_anew(folder: Path, repo: str, head: Pin) -> None:
    """Write the card and its plots from the records of a published repo. Raise UserError if it has no record."""
    inputs = read_card_inputs(head)
    plot(inputs.record, folder)
    write_card_of(folder, inputs, head)


def plot(record: DatasetRecord, folder: Path) -> None:
    """Draw the plots of the dataset's record."""
    for draw, path in zip((plot_lengths, plot_splits), PICTURES, strict=True):
        draw(record, asset(folder, path))


def write_card_of(folder: Path, inputs: CardInputs, head: Pin | None) -> None:
    """Write the card, the lineage picture and eval.yaml."""
    if inputs.lineage:
        picture = asset(folder, LINEAGE_PICTURE)
        draw_dataset(inputs.record.source, inputs.repo, inputs.lineage.adapters, picture)
    write_hub_tasks(folder, inputs.record, head)
    existing = read_head_card(head)
    where = f"{CARD} of {head or inputs.repo}"
    amazon = inputs.record.source.is_amazon_titles
    if existing is not None and amazon and (claims := claimed_licences(split(existing, where).metadata)):
        print(
            f"warning: {where} claims a licence ({', '.join(claims)}); the card says `license: {LICENCE}`, because {WHY}",
            file=sys.stderr,
        )
    (folder / CARD).write_text(render(inputs, existing, where), encoding="utf-8")


def require_readable_card(head: Pin | None) -> None:
    """Raise UserError, before any work, if the existing card cannot be parsed; a rebuild keeps the text that people added."""
    existing = read_head_card(head)
    if existing is not None:
        split(existing, f"{CARD} of {head}")


def asset(folder: Path, path: str) -> Path:
    """Return the path of a picture in the folder; make its parent folder."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    return folder / path


def first_row(shard: Path) -> dict[str, str] | None:
    """Return the first row of a shard, each text on one line and cut to LONGEST_EXAMPLE characters; None if it is empty."""
    import pyarrow.parquet as pq

    first = next(pq.ParquetFile(shard).iter_batches(batch_size=1), None)
    if first is None or not first.num_rows:
        return None
    return {column: on_one_line(text) for column, text in first.to_pylist()[0].items()}


def on_one_line(text: str) -> str:
    """Return a text without line breaks, cut to LONGEST_EXAMPLE characters."""
    line = " ".join(text[: LONGEST_EXAMPLE + 1].split())
    return line if len(text) <= LONGEST_EXAMPLE else f"{line[:LONGEST_EXAMPLE]} […]"

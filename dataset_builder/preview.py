"""Shows what a build would do: rows before and after cleaning, the counts of all lines, and the prompt. Publishes nothing."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dataset_builder.build import require_options
from dataset_builder.engine.choose import start_engine
from dataset_builder.options import BuildHooks, BuildOptions
from dataset_builder.outcome import outcome_lines, split_notes
from dataset_builder.shards.wording import Wording
from dataset_builder.source.block import clean_row
from dataset_builder.source.examine import examine_files
from dataset_builder.source.files.catalogue import CatalogueFile, read_content_meanwhile
from dataset_builder.source.files.hub_datasets import pinned_sources
from dataset_builder.source.files.standard_input import kept_standard_input
from dataset_builder.source.find_files import find_files
from dataset_builder.source.parse import Drop, Quarantine, Row
from dataset_builder.source.parts import tasks_of, whole_files
from dataset_builder.source.readers import reader_named
from dataset_builder.write_dataset import write_dataset
from titlecraft.prompt import PromptFormat
from titlecraft.records import current_code
from titlecraft.settings import Recipe

LONGEST_TEXT = 400  # characters of a text that are shown


def preview(sources: list[str], recipe: Recipe, options: BuildOptions, count: int) -> Iterator[str]:
    """Yield lines about the first `count` lines of the catalogue, then about the whole of it.

    All lines are read and all shards written into a temporary folder, so that counts and refusals are those of the build.
    Raises UserError as the build does.
    """
    require_options(recipe, options)
    with (
        kept_standard_input(pinned_sources(sources, options.config, options.split)) as kept,
        tempfile.TemporaryDirectory(prefix="titlecraft-") as folder,
    ):
        listed = find_files(kept)
        with start_engine("local", options.workers, listed, Path(folder), None) as engine:
            files = examine_files(listed, recipe.data, engine.in_order)
            for file in files:
                yield f"{file.name}: {file.format}{', compressed' if file.compressed else ''}, {file.size:,} bytes"
            for shown, lines in zip(range(count), examples(files, recipe), strict=False):
                yield f"\n--- line {shown + 1} of the catalogue"
                yield from lines
            warnings: list[str] = []
            hooks = BuildHooks(read_content_meanwhile(files), warn=warnings.append)
            work = Path(folder) / "work"
            record = write_dataset(files, recipe, work, engine, current_code("dataset_builder"), hooks, options)
    yield "\n--- all lines"
    yield from outcome_lines(record)
    yield f"  splits: {', '.join(f'{name} {split.rows:,}' for name, split in record.splits.items())} rows"
    yield from (f"warning: {warning}" for warning in [*warnings, *split_notes(record)])
    if example := record.example:
        prompt = PromptFormat.from_settings(recipe.prompt, recipe.data.keep_columns)
        yield f"\n--- the prompt of the first training row\n{prompt.render(example['instruction'], example['input'])}"
    yield "this was a preview, nothing is published: leave out --preview to publish"


def examples(files: list[CatalogueFile], recipe: Recipe) -> Iterator[list[str]]:
    """Yield what becomes of each line of the catalogue, in order."""
    wording = Wording.from_settings(recipe.prompt, recipe.data.seed)
    for part in whole_files(files, recipe.data, Path()):
        reader = reader_named(part.format)
        for _, task in tasks_of(part):
            parser = reader.parser(task.settings, task.header)
            lines = task.data.split(b"\n")
            for line in lines if lines[-1] else lines[:-1]:
                yield outcome_of(parser.parse(line), parser.source_text(line), recipe, wording)


def outcome_of(row: Row | Drop | Quarantine, source: str, recipe: Recipe, wording: Wording) -> list[str]:
    """Return a line's source where it gives no row, else its texts before and after cleaning, and its prompt."""
    if isinstance(row, Quarantine):
        return [f"quarantined: {row}", cut(source)]
    if isinstance(row, Drop):
        return [f"dropped: {row}", cut(source)]
    cleaned = clean_row(row.title, row.content, recipe.data, Counter())
    before = [f"uid:          {row.uid}", f"title:        {cut(row.title)}", f"description:  {cut(row.content)}"]
    before += [f"{name}: {cut(text)}" for name, text in zip(recipe.data.keep_columns, row.kept, strict=False)]
    if isinstance(cleaned, Drop):
        return [*before, f"dropped: {cleaned}"]
    columns = dict(zip(recipe.data.keep_columns, row.kept, strict=False)) or None
    instruction, question = wording.of(row.uid, cleaned[0], columns)
    after = [
        f"→ title:       {cut(cleaned[0])}",
        f"→ input:       {cut(question)}",
        f"→ output:      {cut(cleaned[1])}",
    ]
    return [*before, f"→ instruction: {instruction}", *after]


def cut(text: str) -> str:
    """Return a text on one line, with control characters escaped, cut to LONGEST_TEXT characters."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[: LONGEST_TEXT + 1])
    return line if len(text) <= LONGEST_TEXT else f"{line[:LONGEST_TEXT]} […, {len(text):,} characters]"

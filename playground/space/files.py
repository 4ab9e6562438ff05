"""The files of a Space: app.py with the pins, pinned requirements, the packages of the page, and a card.

A Space installs requirements.txt before its files are copied, so requirements cannot point to our source. The packages are
therefore folders beside app.py, where Python finds them.
"""

import shutil
from pathlib import Path

from huggingface_hub import SpaceCardData

from titlecraft.cards.head_card import write_merged_card
from titlecraft.cards.merge import Owned, section
from titlecraft.cards.templates import markdown_templates
from titlecraft.records import Pin
from titlecraft.records.repo_files import SPACE_APP, SPACE_REQUIREMENTS
from titlecraft.records.space import SpaceRecord

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("evaluation", "playground", "titlecraft")
LEFT_OUT = ("titlecraft/command_line/demo", "titlecraft/command_line/verbs", "titlecraft/recipes")
PYTHON = "3.11"
OWNED = Owned(
    frozenset({"sdk", "sdk_version", "python_version", "app_file", "suggested_hardware", "models", "datasets"}),
    {"tags": frozenset({"titlecraft"})},
)


def source_files() -> list[Path]:
    """The source files of the page below ROOT, sorted; the same for a checkout and an installed package."""
    files = [file for folder in SOURCES for file in (ROOT / folder).rglob("*") if file.is_file()]
    return sorted(file for file in files if is_source(file.relative_to(ROOT)))


def is_source(path: Path) -> bool:
    """Whether a file, as a path below ROOT, belongs in a Space: no cache, no hidden file, nothing of LEFT_OUT."""
    hidden = path.name.startswith(".") or "__pycache__" in path.parts
    return not hidden and not path.as_posix().startswith(tuple(f"{folder}/" for folder in LEFT_OUT))


def write_files(folder: Path, adapter: Pin, base: Pin, dataset: Pin, requirements: list[str]) -> None:
    """Write all files but the record and the card into an empty folder."""
    for file in source_files():
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    (folder / SPACE_APP).write_text(rendered_app(adapter, base, dataset), encoding="utf-8")
    (folder / SPACE_REQUIREMENTS).write_text("".join(f"{line}\n" for line in requirements))


def rendered_app(adapter: Pin, base: Pin, dataset: Pin) -> str:
    """The text of app.py."""
    template = markdown_templates("playground.space").get_template("space_app.py.jinja")
    return template.render(adapter=adapter, base=base, dataset=dataset)


def metadata(record: SpaceRecord) -> SpaceCardData:
    """The card's metadata, which configure the Space (hub docs, "Spaces Configuration Reference")."""
    return SpaceCardData(
        title=f"Ask {record.adapter.repo.split('/')[1]}",
        emoji="🏷️",
        colorFrom="blue",
        colorTo="gray",
        sdk="gradio",
        sdk_version=record.gradio,
        python_version=PYTHON,
        app_file=SPACE_APP,
        suggested_hardware=record.hardware.flavor,
        models=[record.adapter.repo, record.base.repo],
        datasets=[record.dataset.repo],
        tags=["titlecraft"],
        pinned=False,
    )


def write_card(folder: Path, repo: str, record: SpaceRecord, licence: str, head: Pin | None) -> None:
    """Write README.md, rendered from the record; text that people added to the head's card is kept.

    Args:
        licence: the id of the base model's licence.
        head: the revision that the folder will be published on top of.
    """
    write_merged_card(folder, repo, head, rendered_card(repo, record, licence), OWNED)


def rendered_card(repo: str, record: SpaceRecord, licence: str) -> str:
    """The whole card, metadata and text; `licence` is the id of the base model's."""
    template = markdown_templates("playground.space").get_template("space_card.md.jinja")
    body = template.render(repo=repo, record=record, licence=licence)
    return f"---\n{metadata(record).to_yaml()}\n---\n\n{section('space', body)}\n"

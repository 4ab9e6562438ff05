"""The card of an exported model, rendered from export_record.json, with code that queries the model.

Text that people add outside of our section is kept (titlecraft/cards/merge.py).
"""

from functools import cache
from pathlib import Path

from huggingface_hub import ModelCardData
from jinja2 import Environment

from model_card.named_records import EXAMPLE_TITLE
from playground.export.options import QUANTISED
from titlecraft.cards.head_card import write_merged_card
from titlecraft.cards.merge import Owned, section
from titlecraft.cards.templates import markdown_templates
from titlecraft.records import Pin
from titlecraft.records.export import ExportRecord, GgufFile

SNIPPETS = {"merged": ("transformers", "vllm"), "gguf": ("llama_cpp",), "gguf-adapter": ()}  # by form
TEMPLATES = {
    "merged": "export_card.md.jinja",
    "gguf": "export_card.md.jinja",
    "gguf-adapter": "gguf_adapter_card.md.jinja",
}
LICENCE_KEYS = {"license", "license_name", "license_link"}
MODEL_KEYS = {"base_model", "base_model_relation", "datasets", "library_name", "pipeline_tag"}
OWNED = Owned(
    frozenset(LICENCE_KEYS | MODEL_KEYS),
    {"tags": frozenset({"gguf", "lora-merged", "sft", "titlecraft"}), "language": frozenset()},
)
BELOW_16_BIT = ("q8_0", *QUANTISED)


@cache  # with its compiled templates
def environment() -> Environment:
    """The templates of this package, with filters for numbers."""
    templates = markdown_templates("playground.export")
    templates.filters.update(
        four="{:.4f}".format,
        short="{:.2g}".format,
        signed=lambda value: f"{value:+.2g}" if value else "0",
    )
    return templates


def snippet(engine: str, repo: str, record: ExportRecord) -> str:
    """Python code that queries the exported model with an engine of SNIPPETS; `repo` is its id, or a folder."""
    template = environment().get_template(f"serve_{engine}.py.jinja")
    bos = "tokenizer.bos_token_id, " if record.special_tokens["bos"] else ""
    return template.render(repo=repo, record=record, bos=bos, example=EXAMPLE_TITLE).rstrip("\n")


def metadata(record: ExportRecord) -> ModelCardData:
    """The card's metadata.

    The Hub has the relations adapter, finetune, merge and quantized. "merge" is for several models; an adapter merged into its
    base model is a finetune (hub docs, model cards, "Specifying a base model").
    """
    licence = {"license": record.licence.id, "license_name": record.licence.name, "license_link": record.licence.link}
    quantised = record.gguf is not None and any(file.type in BELOW_16_BIT for file in gguf_files(record))
    relation = "adapter" if record.form == "gguf-adapter" else "quantized" if quantised else "finetune"
    return ModelCardData(
        **{key: value for key, value in licence.items() if value},
        base_model=record.base.repo,
        base_model_relation=relation,
        datasets=[record.dataset.repo],
        language=record.languages or ([record.language] if record.language else None),
        library_name=None if record.gguf else "transformers",
        pipeline_tag="text-generation",
        tags=["gguf" if record.gguf else "lora-merged", "sft", "titlecraft"],
    )


def gguf_files(record: ExportRecord) -> tuple[GgufFile, ...]:
    """The GGUF files of an export; older records describe one."""
    if record.gguf_files or record.gguf is None:
        return record.gguf_files
    return (
        GgufFile(
            path=record.files[0].path,
            type=record.gguf.type,
            version=record.gguf.version,
            tensors=record.gguf.tensors,
            facts=record.gguf.facts,
        ),
    )


def render(repo: str, record: ExportRecord) -> str:
    """The whole card, metadata and text."""
    snippets = {engine: snippet(engine, repo, record) for engine in SNIPPETS[record.form]}
    body = (
        environment()
        .get_template(TEMPLATES[record.form])
        .render(
            name=Path(repo).name,
            repo=repo,
            record=record,
            check=record.check,
            snippets=snippets,
            files=gguf_files(record),
            sizes={file.path: file.bytes for file in record.files},
            example=EXAMPLE_TITLE,
        )
    )
    return f"---\n{metadata(record).to_yaml()}\n---\n\n{section('export', body)}\n"


def write_card(folder: Path, repo: str, record: ExportRecord, head: Pin | None) -> None:
    """Write README.md into a folder that will be published on top of `head`; text that people added is kept."""
    write_merged_card(folder, repo, head, render(repo, record), OWNED)

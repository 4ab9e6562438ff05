"""Convert a merged model to a GGUF file with llama.cpp's converter, which must be installed."""

import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from titlecraft.errors import UserError
from titlecraft.records import file_sha256
from titlecraft.records.export import Converter, Gguf

SCRIPT, QUANTISER = "convert_hf_to_gguf.py", "llama-quantize"
CONVERTED = ("f32", "f16", "bf16", "q8_0")  # types that the converter writes itself
QUANTISED = ("q4_0", "q4_k_s", "q4_k_m", "q5_0", "q5_k_s", "q5_k_m", "q6_k")  # by llama-quantize, from a 16-bit file
TYPES = (*CONVERTED, *QUANTISED)
FOLDERS = (".", "bin", "build/bin")  # places of the programs in a llama.cpp folder
MAGIC = b"GGUF"


@dataclass(frozen=True)
class Tools:
    """The paths of llama.cpp's programs; `quantiser` only if the type needs it."""

    script: Path
    quantiser: Path | None

    def record(self) -> Converter:
        """The programs, for the export record."""
        return Converter(
            script=self.script.name, sha256=file_sha256(self.script), quantiser=self.quantiser and self.quantiser.name
        )


def find_tools(folder: str | None, type: str) -> Tools:
    """Find llama.cpp's programs in `folder`, in the folder LLAMA_CPP, or on the PATH. Raises UserError if one is missing."""
    if type not in TYPES:
        raise UserError(f"--quantize {type}: expected one of {', '.join(TYPES)}")
    folders = [folder] if folder else [os.environ["LLAMA_CPP"]] if os.environ.get("LLAMA_CPP") else []
    script = find(SCRIPT, folders)
    if script is None:
        where = f"{folders[0]} has no {SCRIPT}" if folders else f"{SCRIPT} is not on the PATH, and LLAMA_CPP is not set"
        raise UserError(
            f"--to gguf needs llama.cpp's converter, and {where}: "
            "`git clone https://github.com/ggml-org/llama.cpp`, `pip install gguf sentencepiece`, then name the folder by "
            "--llama-cpp DIR or LLAMA_CPP; --to merged needs none of it"
        )
    quantiser = find(QUANTISER, folders) if type in QUANTISED else None
    if type in QUANTISED and quantiser is None:
        raise UserError(
            f"--quantize {type} needs llama.cpp's program {QUANTISER}, which is not {'in ' + folders[0] if folders else 'on the PATH'}: "
            f"build it (cmake -B build && cmake --build build --target {QUANTISER}), or take one of {', '.join(CONVERTED)}"
        )
    return Tools(script, quantiser)


def find(program: str, folders: list[str]) -> Path | None:
    """The path of a program in FOLDERS below these places, or on the PATH without places; None if there is none."""
    candidates = [Path(path) / subfolder / program for path in folders for subfolder in FOLDERS]
    on_path = [Path(executable)] if (executable := shutil.which(program)) and not folders else []
    if not folders and program == SCRIPT:  # a script need not be executable
        on_path += [Path(path) / program for path in os.environ.get("PATH", "").split(os.pathsep) if path]
    return next((candidate.resolve() for candidate in [*candidates, *on_path] if candidate.is_file()), None)


def convert(merged: Path, file: Path, type: str, tools: Tools) -> Gguf:
    """Write the GGUF file of a merged model; returns what its header holds. Raises UserError with the program's last line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    converted = file if type in CONVERTED else file.with_name("unquantised.gguf")
    first, log = type if type in CONVERTED else "bf16", file.parent.parent / "llama_cpp.log"
    run(
        [sys.executable, tools.script, merged, "--outfile", converted, "--outtype", first, "--model-name", file.stem],
        log,
    )
    if tools.quantiser:
        run([tools.quantiser, converted, file, type.upper()], log)
        converted.unlink()
    version, tensors, facts = read_header(file)
    return Gguf(type=type, version=version, tensors=tensors, facts=facts, converter=tools.record())


def run(command: list[str | Path], log: Path) -> None:
    """Run a program with its output in a log and its progress bars on stderr. Raises UserError with the reason if it fails."""
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
    """Why a program failed, in one line."""
    if any("pre-tokenizer was not recognized" in line for line in lines):
        return (
            f"{name} does not know the tokenizer of this base: llama.cpp converts models whose tokenizer it has seen, such as "
            "Llama 3's. Update llama.cpp, or use --to merged"
        )
    if missing := next((line for line in reversed(lines) if line.startswith("ModuleNotFoundError")), None):
        return f"{name} lacks a package ({missing}): `pip install gguf sentencepiece protobuf`, and run the same command again"
    return f"{name} ended with status {status}: {lines[-1] if lines else 'without output'}"


def read_header(file: Path) -> tuple[int, int, int]:
    """The version and the numbers of tensors and metadata entries of a GGUF file. Raises UserError for another format.

    24 bytes, little-endian: magic, uint32 version, uint64 tensor_count, uint64 metadata_kv_count (ggml's docs/gguf.md).
    """
    with file.open("rb") as stream:
        head = stream.read(24)
    if len(head) < 24 or head[:4] != MAGIC:
        raise UserError(f"{file.name} is not a GGUF file: it begins with {head[:4]!r}, expected {MAGIC!r}")
    version, tensors, facts = struct.unpack("<IQQ", head[4:])
    if not tensors:
        raise UserError(f"{file.name} holds no tensors")
    return version, tensors, facts

"""The header of a GGUF file: version, counts and metadata (ggml's docs/gguf.md)."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from titlecraft.errors import UserError

MAGIC = b"GGUF"
BOOL, STRING, ARRAY = 7, 8, 9
FORMATS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", BOOL: "<?", 10: "<Q", 11: "<q", 12: "<d"}
ADD_BOS, TEMPLATE = "tokenizer.ggml.add_bos_token", "tokenizer.chat_template"
EOS_ID = "tokenizer.ggml.eos_token_id"


@dataclass(frozen=True)
class Header:
    """Format version, number of tensors, number of metadata entries (`facts`), and the metadata.

    Args:
        values: metadata by name; for an array, its length.
        positions: byte offset of each value in the file.
    """

    version: int
    tensors: int
    facts: int
    values: dict[str, Any]
    positions: dict[str, int]

    def counts(self) -> tuple[int, int, int]:
        """Return version, number of tensors and number of metadata entries."""
        return self.version, self.tensors, self.facts


def read_header(file: Path) -> Header:
    """Return the header of a GGUF file. Raises UserError for another format.

    24 bytes, little-endian: magic, uint32 version, uint64 tensor_count, uint64 metadata_kv_count; then the entries.
    """
    with file.open("rb") as stream:
        head = stream.read(24)
        if len(head) < 24 or head[:4] != MAGIC:
            raise UserError(f"{file.name} is not a GGUF file: it begins with {head[:4]!r}, expected {MAGIC!r}")
        version, tensors, facts = struct.unpack("<IQQ", head[4:])
        values, positions = {}, {}
        try:
            for _ in range(facts):
                name, (kind,) = read_text(stream), struct.unpack("<I", stream.read(4))
                positions[name] = stream.tell()
                values[name] = read_value(stream, kind)
        except (struct.error, KeyError, UnicodeDecodeError) as error:
            raise UserError(f"{file.name} has damaged metadata ({error}): convert it again") from error
    return Header(version, tensors, facts, values, positions)


def read_text(stream: BinaryIO) -> str:
    """Return a string: its length as uint64, then UTF-8."""
    (length,) = struct.unpack("<Q", stream.read(8))
    return stream.read(length).decode("utf-8", "replace")


def read_value(stream: BinaryIO, kind: int) -> Any:
    """Return a metadata value; for an array, its length."""
    if kind == STRING:
        return read_text(stream)
    if kind != ARRAY:
        return struct.unpack(FORMATS[kind], stream.read(struct.calcsize(FORMATS[kind])))[0]
    of, length = struct.unpack("<IQ", stream.read(12))
    if of in FORMATS:
        stream.seek(length * struct.calcsize(FORMATS[of]), 1)
    else:
        for _ in range(length):
            read_value(stream, of)
    return length


def set_add_bos(file: Path, *, add: bool) -> None:
    """Set `tokenizer.ggml.add_bos_token` in a GGUF file, in place; llama.cpp and Ollama follow it. Raises UserError.

    llama.cpp's converter writes false for some families regardless of the tokenizer.
    """
    header = read_header(file)
    if ADD_BOS not in header.values:
        raise UserError(
            f"{file.name} does not say whether a text begins with BOS ({ADD_BOS}): update llama.cpp's converter"
        )
    if header.values[ADD_BOS] != add:
        with file.open("r+b") as stream:
            stream.seek(header.positions[ADD_BOS])
            stream.write(struct.pack("<?", add))

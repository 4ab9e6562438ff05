"""export_record.json: the inputs, measurements and files of an exported model."""

from typing import Literal

import msgspec

from titlecraft.records import Check, Code, File, Licence, Pin, Record
from titlecraft.settings import Generation

Form = Literal["merged", "gguf"]


class MergeCheck(Record, frozen=True):
    """The merged model compared with base and adapter on held-out titles drawn by `seed`.

    NLLs are means over titles of the references' NLL in nats per token: of the base, of base plus adapter, and of the
    merged model as stored. `largest_logit_difference` is over all logits before `positions` reference tokens;
    `largest_logit` is the largest logit of base plus adapter there.
    """

    titles: int
    split: str
    seed: int
    nll_base: float
    nll_adapter: float
    nll_merged: float
    difference: float
    tolerance: float
    positions: int
    largest_logit_difference: float
    largest_logit: float


class Merged(Record, frozen=True):
    """A merged model in a folder: the key of its inputs, its check and its files.

    `guards` compare the NLL of the check with the model's own logits, before and after the merge.
    """

    key: str
    dtype: str
    parameters: int
    special_tokens: dict[str, str | None]
    check: MergeCheck
    files: list[File]
    guards: tuple[Check, ...] = ()
    unpacking: Check | None = None


class Converter(Record, frozen=True):
    """The program that wrote a GGUF file: name and sha256 of its script, and the quantiser, if any."""

    script: str
    sha256: str
    quantiser: str | None


class Gguf(Record, frozen=True):
    """The header of a GGUF file: format version, number of tensors and number of metadata entries."""

    type: str
    version: int
    tensors: int
    facts: int
    converter: Converter


class ExportRecord(Record, frozen=True):
    """How an exported model was made. `gguf` is null for a transformers model; `adapter` is at the commit that was read.

    `unpacking` is the difference between the dequantised base and the 8-bit base of the training, if it was one.
    """

    key: str
    code: Code
    form: Form
    adapter: Pin
    base: Pin
    dataset: Pin
    licence: Licence
    quantization: str
    generation: Generation
    dtype: str
    parameters: int
    special_tokens: dict[str, str | None]
    check: MergeCheck
    gguf: Gguf | None
    files: list[File]
    language: str | None = None  # of the texts that it was trained on; in records before 0.2
    languages: list[str] | None = (
        None  # ISO 639 codes of the texts that it was trained on; null where no record says it
    )
    guards: tuple[Check, ...] = ()
    unpacking: Check | None = None
    schema: Literal["titlecraft/export/1"] = "titlecraft/export/1"


class ExportOrigin(msgspec.Struct, frozen=True):
    """The fields that every version of an export record has: the adapter that was exported, and in which form."""

    adapter: Pin
    form: str


def export_origin(raw: bytes) -> ExportOrigin | None:
    """The origin of an exported model, from its record of any version; None for another program's file of that name."""
    try:
        return msgspec.json.decode(raw, type=ExportOrigin)
    except msgspec.MsgspecError:
        return None

"""export_record.json: what an exported model was made from, what was measured of it, and which files it consists of."""

from typing import Literal

import msgspec

from titlecraft.records import Check, Code, File, Licence, Pin, Record
from titlecraft.settings import Generation

Form = Literal["merged", "gguf"]


class MergeCheck(Record, frozen=True):
    """The merged model against base and adapter, which it was made from, on held-out titles drawn by `seed`.

    NLL is that of the references, in nats per token, the mean over titles: of the base alone, of the base with the adapter
    on it, and of the merged model as it lies on disk. `largest_logit_difference` is over all logits in front of `positions`
    reference tokens, and `largest_logit` the largest of the adapter's there.
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
    """A merged model in a folder: the key of what it depends on, and what came of it.

    `guards` compare the NLL that the check is made of with the model's own logits, before the merge and after it.
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
    """The program that wrote a GGUF file: its script's name and sha256, and the one that quantised further, if any."""

    script: str
    sha256: str
    quantiser: str | None


class Gguf(Record, frozen=True):
    """What the header of a GGUF file says: version of the format, and how many tensors and facts it holds."""

    type: str
    version: int
    tensors: int
    facts: int
    converter: Converter


class ExportRecord(Record, frozen=True):
    """How an exported model came to be. `gguf` is null for a plain transformers model; `adapter` is at the commit read.

    `unpacking` is how far the unpacked base is from the 8-bit base that was trained on, where it was one.
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
    language: str | None = None  # BCP 47, of the texts that it was trained on; null where no record says it
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

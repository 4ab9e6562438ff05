"""export_record.json: the inputs, measurements and files of an exported model."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from titlecraft.records import Check, Code, File, Licence, Pin, Record
from titlecraft.records.third_party import ThirdPartyAdapter
from titlecraft.settings import Generation

Form = Literal["merged", "gguf", "gguf-adapter"]


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


class GgufFile(Record, frozen=True):
    """A GGUF file of the repo: the type of its weights, its header, and its NLL through llama.cpp if that was measured.

    `nll` is the mean over the titles of `ExportRecord.llama_cpp`, in nats per token.
    """

    path: str
    type: str
    version: int
    tensors: int
    facts: int
    nll: float | None = None


class LlamaCppCheck(Record, frozen=True):
    """GGUF files run by llama.cpp on the held-out titles of the merge check.

    `same_prompts` counts the titles whose chat message gives the token ids of the training's prompt.
    """

    package: str
    version: str
    titles: int
    same_prompts: int


class ImportanceMatrix(Record, frozen=True):
    """An importance matrix for quantisation, from rows of the training split drawn with `seed`."""

    path: str
    split: str
    rows: int
    seed: int


class ExportRecord(Record, frozen=True):
    """How an exported model was made. `gguf` is null for a transformers model; `adapter` is at the commit that was read.

    `unpacking` is the difference between the dequantised base and the 8-bit base of the training, if it was one. `check` is
    null for an adapter on its own. `gguf` describes the first of `gguf_files`; older records have it alone.
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
    check: MergeCheck | None
    gguf: Gguf | None
    files: list[File]
    language: str | None = None  # of the texts that it was trained on; in records before 0.2
    languages: list[str] | None = (
        None  # ISO 639 codes of the texts that it was trained on; null where no record says it
    )
    guards: tuple[Check, ...] = ()
    unpacking: Check | None = None
    gguf_files: tuple[GgufFile, ...] = ()
    llama_cpp: LlamaCppCheck | None = None
    importance_matrix: ImportanceMatrix | None = None
    chat_template: bool = False  # whether the model has a chat template that renders the prompt
    ollama_files: tuple[str, ...] = ()
    third_party: ThirdPartyAdapter | UnsetType = UNSET  # what is known of an adapter without a training record
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

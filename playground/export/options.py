"""The options of an export, and the types of GGUF weights."""

from dataclasses import dataclass

from titlecraft.errors import UserError
from titlecraft.records.export import Form

CONVERTED = ("f32", "f16", "bf16", "q8_0")  # types that llama.cpp's converter writes itself
QUANTISED = ("q4_0", "q4_k_s", "q4_k_m", "q5_0", "q5_k_s", "q5_k_m", "q6_k")  # by llama-quantize, from a 16-bit file
TYPES = (*CONVERTED, *QUANTISED)
DEFAULT_TYPE = "q8_0"
ADAPTER_TYPE = "f16"


@dataclass(frozen=True)
class ExportOptions:
    """The options of an export.

    Args:
        form: "merged" for a transformers model, "gguf" for files for llama.cpp, "gguf-adapter" for the adapter alone as GGUF.
        types: the types of the GGUF files' weights; empty for a merged model.
        titles: the number of held-out titles on which the merge is checked, drawn with `seed`.
        llama_cpp: the folder of llama.cpp; None uses the folder LLAMA_CPP or the PATH.
        fresh: export again even if the same export exists.
        importance_rows: rows of the training split for an importance matrix, drawn with `seed`; 0 makes none.
    """

    form: Form
    types: tuple[str, ...]
    titles: int
    seed: int
    llama_cpp: str | None
    fresh: bool
    importance_rows: int = 0


def types_of(text: str) -> tuple[str, ...]:
    """Return the types of `--quantize`, separated by commas. Raises UserError for an unknown or repeated one."""
    types = tuple(name.strip().lower() for name in text.split(","))
    for name in types:
        if name not in TYPES:
            raise UserError(
                f"--quantize {name or text!r}: expected one or more of {', '.join(TYPES)}, separated by commas"
            )
        if types.count(name) > 1:
            raise UserError(f"--quantize names {name} twice: expected each type once")
    return types

"""Computes an importance matrix for quantisation from rows of the training split, with llama.cpp's llama-imatrix."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from playground.export.gguf import run_converter
from playground.export.llama_cpp import Tools, run
from titlecraft.models.adapter.read import Adapter
from titlecraft.records.export import ImportanceMatrix
from titlecraft.rows.folder import rows_folder

SPLIT = "train"
CHUNK = 512  # tokens; the texts are cut into chunks of this length


def make_importance_matrix(
    source: Path, adapter: Adapter, rows: int, seed: int, eos: str, tools: Tools, folder: Path, *, begins_with_bos: bool
) -> ImportanceMatrix:
    """Write imatrix.gguf from rows of the training split with their answers; return its record. Raises UserError.

    Args:
        source: the folder to convert; the 16-bit GGUF file stays in `folder`, where `convert` finds it.
    """
    unquantised, text, file = (folder / name for name in ("unquantised.gguf", "imatrix.txt", "imatrix.gguf"))
    run_converter(source, unquantised, "bf16", tools, begins_with_bos=begins_with_bos)
    texts = training_texts(adapter, rows, seed, eos)
    text.write_text("".join(texts), encoding="utf-8")
    options = ["--parse-special", "--no-ppl", "-c", CHUNK, "--output-format", "gguf"]
    run([tools.importance, "-m", unquantised, "-f", text, "-o", file, *options], folder.parent / "llama_cpp.log")
    text.unlink()
    return ImportanceMatrix(path=file.name, split=SPLIT, rows=len(texts), seed=seed)


def training_texts(adapter: Adapter, rows: int, seed: int, eos: str) -> list[str]:
    """Return prompt + answer + EOS of `rows` random rows of the training split, drawn with `seed`; all rows of a smaller split."""
    data = rows_folder(adapter.training.dataset, adapter.training.row_settings) / "data"
    table = pq.read_table(sorted(data.glob(f"{SPLIT}-*.parquet")), columns=["instruction", "input", "output"])
    drawn = np.random.default_rng(seed).permutation(len(table))[:rows]
    return [
        adapter.prompt.render(row["instruction"], row["input"]) + row["output"] + eos
        for row in table.take(drawn).to_pylist()
    ]

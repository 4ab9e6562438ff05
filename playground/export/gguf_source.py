"""Writes the input folder of llama.cpp's converter: the merged weights and the base's original tokenizer files.

The converter identifies a tokenizer by its token ids of a fixed text, BOS included. The published tokenizer may differ in BOS from
the original, so the converter would not identify it.
"""

import json
import shutil
from fnmatch import fnmatch
from pathlib import Path

from titlecraft.hub.pins import download
from titlecraft.models.base.files import TOKENIZER_FILES
from titlecraft.records import Pin
from titlecraft.records.repo_files import CHAT_TEMPLATE, MODEL_CONFIG, TOKENIZER_CONFIG

LINKED = ("*.safetensors", "*.safetensors.index.json", MODEL_CONFIG, "generation_config.json")
WITH_OTHER_TOKENS = ("special_tokens_map.json", "chat_template.*")  # files of the base with another EOS or template


def write_source(merged: Path, base: Pin, eos: str | None, *, begins_with_bos: bool, folder: Path) -> None:
    """Write the folder to convert.

    Args:
        merged: the folder of the merged model; its weights are linked, not copied.
        eos: the token that ends an answer.
        begins_with_bos: whether the prompt of the training begins with BOS.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in merged.iterdir():
        if any(fnmatch(file.name, pattern) for pattern in LINKED):
            (folder / file.name).symlink_to(file.resolve())
    for file in download(base, TOKENIZER_FILES).iterdir():
        wanted = any(fnmatch(file.name, pattern) for pattern in TOKENIZER_FILES)
        if wanted and file.name != MODEL_CONFIG and not any(fnmatch(file.name, name) for name in WITH_OTHER_TOKENS):
            shutil.copy(file, folder / file.name)
    config = folder / TOKENIZER_CONFIG
    settings = json.loads(config.read_bytes()) if config.is_file() else {}
    settings.pop("chat_template", None)
    settings |= {"add_bos_token": begins_with_bos} | ({"eos_token": eos} if eos else {})
    if begins_with_bos and (merged / CHAT_TEMPLATE).is_file():
        # The template has the space with which SentencePiece marks the beginning of a text; llama.cpp would add a second one.
        settings["add_prefix_space"] = False
    config.write_text(json.dumps(settings, ensure_ascii=False, indent=2), encoding="utf-8")
    if (merged / CHAT_TEMPLATE).is_file():
        shutil.copy(merged / CHAT_TEMPLATE, folder / CHAT_TEMPLATE)

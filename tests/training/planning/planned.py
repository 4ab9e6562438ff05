"""python -m tests.training.planning.planned FOLDER: publish an 8B base without real weights and 2,500 rows, and plan a training twice.

Before the second plan the split is encoded, as after a training.
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.evaluation.published_world import upload
from tests.tiny_world import row, train_tokenizer
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin
from titlecraft.settings import Prompt
from training.planning.plan import plan

BASE, DATASET, ADAPTER = "titlecraft/llama-8b", "titlecraft/catalogue-rows", "titlecraft/Llama-3-Titles"
ROWS = 2_500
ARGUMENTS = ["--recipe", "auto", f"--base.repo={BASE}", "--base.max_length=512"]


def publish(folder: Path) -> tuple[Pin, Pin]:
    """Publish a base with config, tokenizer and card, and a dataset with one split and its prompt."""
    from transformers import LlamaConfig

    base, data = folder / "base", folder / "dataset"
    (data / "data").mkdir(parents=True)
    LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=8192,
        quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},  # pyright: ignore[reportCallIssue]
    ).save_pretrained(base)
    train_tokenizer().save_pretrained(base)
    (base / "model.safetensors").write_bytes(b"\x02" + bytes(7) + b"{}")  # the head is all that a plan reads
    (base / "README.md").write_text("---\nlicense: llama3\n---\n")
    rows = pa.Table.from_pylist([row(number % 512) for number in range(ROWS)])
    pq.write_table(rows, data / "data" / "train-00000-of-00001.parquet")
    (data / "prompt.json").write_bytes(PromptFormat.from_settings(Prompt()).to_json())
    return upload(base, BASE, "model"), upload(data, DATASET, "dataset")


def main(folder: Path) -> None:
    """Print both plans, the number of encoded tokens, the downloaded files of the base, and the error of a refused plan."""
    from datasets import load_dataset
    from huggingface_hub import constants

    from titlecraft.models.base.model import load_tokenizer
    from training.data.examples import encode_split

    base, data = publish(folder)
    recipe, _ = StageParser("train", "", ["base", "lora", "training"]).parse(ARGUMENTS)
    before = plan(DATASET, ADAPTER, recipe)
    split = load_dataset(data.repo, revision=data.revision, split="train")
    prompt = PromptFormat.from_settings(Prompt())
    examples = encode_split(split, load_tokenizer(base), prompt, 512, dataset=data, base=base)
    after = plan(DATASET, ADAPTER, recipe)
    refused = plan(DATASET, "somebody/Titles", recipe)
    cached = {file.name for file in Path(constants.HF_HUB_CACHE).glob("models--*/snapshots/*/*")}
    results = {"tokens": int(examples.lengths.sum()), "cached": sorted(cached), "problems": refused.problems}
    print(json.dumps(results | {"before": json.loads(before.to_json()), "after": json.loads(after.to_json())}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""A base of Llama-3-8B's shape with random weights, and rows of random token ids; neither affects the speed of a step.

Rows are 61 prompt tokens and a completion of log-normal length, 249 tokens on average; the catalogue's average is 170.
"""

import random
from pathlib import Path
from typing import Any

PROMPT_TOKENS, LONGEST_ANSWER, VOCABULARY = 60, 2000, 8000
PARAMETERS = 8_030_261_248


def config_8b(layers: int = 32) -> Any:
    """Return the config of Llama-3-8B's shape, with the special tokens of `rows`."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=layers,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=8192,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=False,
    )


def awaken(model: Any, spread: float) -> None:
    """Set the B matrices of a PeftModel's adapters, which start at zero, to random numbers with this standard deviation."""
    for name, one in model.named_parameters():
        if "lora_B" in name:
            one.data.normal_(std=spread)


def write_base(folder: Path, layers: int = 32) -> None:
    """Write model and tokenizer to disk, 16 GB; no-op if they exist already."""
    import torch
    from transformers import AutoModelForCausalLM

    from tests.tiny_world import train_tokenizer

    if (folder / "tokenizer_config.json").exists():
        return
    config = config_8b(layers)
    torch.manual_seed(0)
    with torch.device("cuda"):
        torch.set_default_dtype(torch.bfloat16)
        AutoModelForCausalLM.from_config(config, trust_remote_code=False).save_pretrained(folder, max_shard_size="4GB")
        torch.set_default_dtype(torch.float32)
    train_tokenizer().save_pretrained(folder)


def rows(count: int, seed: int = 1) -> dict[str, list[list[int]]]:
    """Return input_ids and labels: BOS, prompt, completion, EOS; the prompt has no labels."""
    drawn = random.Random(seed)
    found: dict[str, list[list[int]]] = {"input_ids": [], "labels": []}
    for _ in range(count):
        answer = int(min(LONGEST_ANSWER - PROMPT_TOKENS, max(20, drawn.lognormvariate(4.9, 0.8))))
        ids = [0, *(drawn.randrange(3, VOCABULARY) for _ in range(PROMPT_TOKENS + answer)), 1]
        found["input_ids"].append(ids)
        found["labels"].append([-100] * (PROMPT_TOKENS + 1) + ids[PROMPT_TOKENS + 1 :])
    return found


def load_in_four_bit(folder: Path) -> Any:
    """Load the base as training does: NF4 with double quantisation, computed in bfloat16."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    from titlecraft.models.base.model import LoadedBase
    from titlecraft.process import distributed

    settings = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        quantization_config=settings,
        dtype=torch.bfloat16,
        device_map={"": distributed.local_rank()},
        trust_remote_code=False,
    )
    return LoadedBase(
        model.eval(), AutoTokenizer.from_pretrained(folder, trust_remote_code=False), "nf4", None, "bfloat16"
    )

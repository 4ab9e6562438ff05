"""python -m titlecraft.command_line.demo.pretraining FOLDER [--steps 9000]

Makes the demo's base again: its own byte-level BPE tokenizer with Llama-3's special tokens, and a Llama of four layers
with 1.2 million parameters, pre-trained on plain product texts, each a title with its description on the next line. The
texts are drawn with another seed than the demo's catalogue and are not in the instruction format: the model knows how a
description follows from a title, but it does not know the task. The files in `base/` come from this script on one H200,
where 8,700 of 9,000 steps took 171 s; another device gives other bytes.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from titlecraft.command_line.demo.products import BOOKS, OTHERS
from titlecraft.process.quiet import quiet_libraries
from titlecraft.process.threads import steady_threads
from titlecraft.records.repo_files import CARD

SPECIAL = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>", "pad_token": "<|finetune_right_pad_id|>"}
VOCABULARY, CONTEXT = 4096, 256
TOKENIZER_TEXTS = 12_000  # texts that the tokenizer is trained on
LICENSE = "mit"
CARD_TEMPLATE = """---
license: {license}
language: [{language}]
library_name: transformers
pipeline_tag: text-generation
tags: [titlecraft, tiny]
---

# Tiny Llama base

A Llama of {parameters:,} parameters with its own tokenizer of {vocabulary:,} tokens, pre-trained for {steps:,} steps of {batch} × {context}
tokens on invented titles and descriptions. It runs the whole job on a laptop through the same code as an 8B model and has no
other use. Final training loss: {loss:.3f} nats per token.
"""


def pretraining_texts(count: int, seed: int) -> list[str]:
    """Return plain product texts: a title, and its description on the next line."""
    random = Random(f"tiny base {seed}")
    pairs = (random.choice(random.choice([BOOKS, OTHERS]))(random) for _ in range(count))
    return [f"{title}\n{text}" for title, text in pairs]


def train_tokenizer(texts: list[str]) -> Any:
    """Train byte-level BPE on the texts; returns a transformers tokenizer that adds BOS as Llama's does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = list(SPECIAL.values())
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    bos = SPECIAL["bos_token"]
    bpe.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        model_max_length=CONTEXT * 2,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        **SPECIAL,
    )


def pretrain(
    folder: Path,
    steps: int,
    seed: int,
    texts: int = TOKENIZER_TEXTS,
    batch: int = 8,
    *,
    draw: Callable[[int, int], list[str]] = pretraining_texts,
    language: str = "en",
) -> None:
    """Train tokenizer and model, and save both with a card to `folder`. A seed gives the same bytes on the same machine.

    Args:
        folder: where the files go.
        steps: optimizer steps.
        seed: seed of texts, weights and batches.
        texts: number of product texts.
        batch: blocks of CONTEXT tokens per step.
        draw: gives a number of texts for a seed.
        language: of the texts, for the card (ISO 639-1).
    """
    import torch
    from tqdm import trange
    from transformers import LlamaConfig, LlamaForCausalLM, get_cosine_schedule_with_warmup, set_seed
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # the bar of save_pretrained; the model has five megabytes
    set_seed(seed)
    product_texts = draw(texts, seed)
    tokenizer = train_tokenizer(product_texts[:TOKENIZER_TEXTS])
    config = LlamaConfig(  # sizes in multiples of 64: bitsandbytes misreads others in 4 bit on a CPU
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT * 2,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model: Any = LlamaForCausalLM(config)
    model.to(device)
    eos = [tokenizer.eos_token_id]
    stream = torch.tensor([token for ids in tokenizer(product_texts)["input_ids"] for token in [*ids, *eos]])
    blocks = stream[: len(stream) // CONTEXT * CONTEXT].view(-1, CONTEXT)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01, betas=(0.9, 0.95))
    schedule = get_cosine_schedule_with_warmup(
        optimizer, num_warmup_steps=max(1, steps // 20), num_training_steps=steps
    )
    loss = torch.tensor(float("nan"))
    with steady_threads(model):
        for _ in (bar := trange(steps, desc="pre-training the tiny base", unit="step")):
            tokens = blocks[torch.randint(len(blocks), (batch,))].to(device)
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                loss = model(input_ids=tokens, labels=tokens).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            bar.set_postfix(loss=f"{loss.item():.3f}")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    facts = {
        "license": LICENSE,
        "language": language,
        "parameters": model.num_parameters(),
        "vocabulary": len(tokenizer),
    }
    (folder / CARD).write_text(
        CARD_TEMPLATE.format(**facts, steps=steps, batch=batch, context=CONTEXT, loss=loss.item())
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    quiet_libraries()
    options.folder.mkdir(parents=True, exist_ok=True)
    pretrain(options.folder, options.steps, options.seed, texts=60_000, batch=32)
    print(f"wrote {options.folder}")

"""python -m titlecraft.command_line.demo.tiny_base NS/NAME [--steps 200] [--fresh]

A base model of 1.2 million parameters: its own byte-level BPE tokenizer with Llama-3's special tokens, a Llama of
four layers, pre-trained for a minute on plain catalogue text. The text is made with another seed than the demo's
catalogue and is not in the instruction format: the model learns product descriptions, but not the task.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from titlecraft.command_line.demo.products import BOOKS, OTHERS
from titlecraft.process.quiet import quiet_libraries
from titlecraft.process.threads import steady_threads
from titlecraft.records import Pin
from titlecraft.records.repo_files import CARD

SPECIAL = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>", "pad_token": "<|finetune_right_pad_id|>"}
VOCABULARY, CONTEXT, BATCH = 4096, 256, 8
LICENSE = "mit"
CARD_TEMPLATE = """---
license: {license}
language: [en]
library_name: transformers
pipeline_tag: text-generation
tags: [titlecraft, tiny]
---

# Tiny Llama base

A Llama of {parameters:,} parameters with its own tokenizer of {vocabulary:,} tokens, pre-trained for {steps:,} steps of {batch} × {context}
tokens on invented product texts. It exists so that the whole job runs on a laptop through the same code as an 8B model; it is
good for nothing else. Final training loss: {loss:.3f} nats per token.
"""


def pretraining_texts(count: int, seed: int) -> list[str]:
    """Return plain product texts: title and description as on a product page."""
    random = Random(f"tiny base {seed}")
    pairs = (random.choice(random.choice([BOOKS, OTHERS]))(random) for _ in range(count))
    return [random.choice([f"{title}\n{text}", text, f"{text} ({title})"]) for title, text in pairs]


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


def pretrain(folder: Path, steps: int, seed: int) -> None:
    """Train tokenizer and model, and save both with a card to `folder`. A seed gives the same bytes on the same machine."""
    import torch
    from tqdm import trange
    from transformers import LlamaConfig, LlamaForCausalLM, get_cosine_schedule_with_warmup, set_seed
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # the bar of save_pretrained; the model has five megabytes
    set_seed(seed)
    texts = pretraining_texts(12_000, seed)
    tokenizer = train_tokenizer(texts)
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
    stream = torch.tensor([token for ids in tokenizer(texts)["input_ids"] for token in [*ids, *eos]])
    blocks = stream[: len(stream) // CONTEXT * CONTEXT].view(-1, CONTEXT)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01, betas=(0.9, 0.95))
    schedule = get_cosine_schedule_with_warmup(
        optimizer, num_warmup_steps=max(1, steps // 20), num_training_steps=steps
    )
    loss = torch.tensor(float("nan"))
    with steady_threads(model):
        for _ in (bar := trange(steps, desc="pre-training the tiny base", unit="step")):
            batch = blocks[torch.randint(len(blocks), (BATCH,))].to(device)
            loss = model(input_ids=batch, labels=batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            bar.set_postfix(loss=f"{loss.item():.3f}")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    facts = {"license": LICENSE, "parameters": model.num_parameters(), "vocabulary": len(tokenizer)}
    (folder / CARD).write_text(
        CARD_TEMPLATE.format(**facts, steps=steps, batch=BATCH, context=CONTEXT, loss=loss.item())
    )


def publish_tiny_base(repo: str, steps: int, seed: int, fresh: bool = False) -> Pin:
    """Pre-train and publish to `repo`; returns the published head without training if there is one, unless `fresh`."""
    from titlecraft.hub.pins import published_pin
    from titlecraft.hub.publishing import publish

    head = published_pin(repo, "model")
    if head and not fresh:
        print(f"nothing to do: {head} is there")
        return head
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pretrain(folder, steps, seed)

        def loads(path: Path) -> None:
            from transformers import AutoModelForCausalLM

            AutoModelForCausalLM.from_pretrained(path, trust_remote_code=False)

        message = f"Pre-train a tiny base for {steps} steps"
        return publish(repo, "model", head, folder, message, private=False, replaces=(), check=loads)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repo")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    quiet_libraries()
    print(f"base {publish_tiny_base(options.repo, options.steps, options.seed, options.fresh)}")
    sys.exit(0)

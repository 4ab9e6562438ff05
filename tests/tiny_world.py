"""A tiny world for tests: a Llama with its own BPE tokenizer, a LoRA adapter, and a few catalogue rows."""

from pathlib import Path
from typing import Any

from titlecraft.prompt import PromptFormat
from titlecraft.settings import Prompt

KINDS = ("lamp", "kettle", "novel", "guitar", "drill", "teapot", "tent", "clock")
ADJECTIVES = ("red", "small", "old", "bright", "quiet", "folding", "heavy", "blue")
PLACES = ("kitchen", "garden", "workshop", "bedroom", "harbour", "library", "attic", "market")


def row(number: int) -> dict[str, str]:
    """Catalogue row `number`; titles and outputs differ for all numbers below 512."""
    kind, adjective, place = KINDS[number % 8], ADJECTIVES[number // 8 % 8], PLACES[number // 64 % 8]
    title = f"The {adjective} {kind} of the {place}"
    output = f"A {adjective} {kind}, made for the {place}. Number {number} comes in a box, with 'care' & <string>."
    prompt = PromptFormat.from_settings(Prompt())
    return {
        "uid": f"B{number:09d}",
        "title": title,
        "instruction": prompt.instruction,
        "input": prompt.input_for(title),
        "output": output,
    }


def train_tokenizer(vocabulary: int = 400) -> Any:
    """A byte-level BPE tokenizer trained on the rows' prompts and outputs, with BOS, EOS and a separate pad token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    prompt = PromptFormat.from_settings(Prompt())
    texts = [text for n in range(0, 512, 7) for text in (prompt.render_title(row(n)["title"]), row(n)["output"])]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<pad>"]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def make_base(vocabulary: int, hidden: int = 64, layers: int = 2, context: int = 512) -> Any:
    """A Llama with random weights that are large enough for its answers to differ; in float32, eval mode."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config).eval()


def add_adapter(base: Any, scale: float = 0.05) -> Any:
    """The base with a LoRA adapter whose update is not zero; with `scale` 0 it is zero, as before training."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    targets = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=scale) if scale else torch.nn.init.zeros_(parameter)
    return model.eval()


def save_base(folder: Path) -> None:
    """Write the files of a model repo: base and tokenizer."""
    tokenizer = train_tokenizer()
    tokenizer.save_pretrained(folder)
    make_base(len(tokenizer)).save_pretrained(folder)

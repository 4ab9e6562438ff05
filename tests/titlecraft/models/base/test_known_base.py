"""Checks of a base before its weights are loaded, the same for --dry-run and training; errors are one line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.folder_repos import pin_of
from tests.tiny_world import train_tokenizer
from titlecraft.errors import UserError
from titlecraft.models.base.config import UNBOUNDED, context_length, on_meta
from titlecraft.models.base.model import load_base
from titlecraft.settings import Base, Lora, Recipe, Training
from training.planning.known_base import inspect_base

TOKENIZER = train_tokenizer()
AUDIO = {"hidden_size": 32, "intermediate_size": 32, "num_blocks": 1, "num_attention_heads": 2}
WIDTHS: dict[str, Any] = {
    "vocab_size": len(TOKENIZER),
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}


def recipe(*targets: str, **training: Any) -> Recipe:
    lora = Lora(target_modules=list(targets)) if targets else Lora()
    return Recipe(base=Base(repo="x"), lora=lora, training=Training(backend="trl", **training))


def change(file: Path, **keys: Any) -> None:
    config = json.loads(file.read_text()) | keys
    file.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def refusal(base: Path, asked: Recipe | None = None) -> str:
    """The one-line refusal of a base by --dry-run; loading must give the same refusal for files and config."""
    with pytest.raises(UserError) as refusal_of_plan:
        inspect_base(pin_of(base), asked or recipe())
    assert "\n" not in str(refusal_of_plan.value)
    if asked is None:
        with pytest.raises(UserError) as refusal_of_loading:
            load_base(pin_of(base), "none", "float32")
        assert str(refusal_of_loading.value) == str(refusal_of_plan.value)
    return str(refusal_of_plan.value)


def test_a_plain_base_is_accepted(base: Path) -> None:
    known = inspect_base(pin_of(base), replace(recipe(), base=Base(quantization="nf4")))
    loaded = load_base(pin_of(base), "none", "float32")
    assert (known.quantization, known.parameters) == ("nf4", loaded.model.num_parameters())
    assert known.tokenizer.get_vocab() == loaded.tokenizer.get_vocab()


def test_inspecting_layers_draws_no_random_numbers(base: Path) -> None:
    state = torch.get_rng_state()
    inspect_base(pin_of(base), recipe())
    assert torch.equal(state, torch.get_rng_state())


def only_gguf(base: Path) -> None:
    for file in [*base.glob("*.json"), *base.glob("*.safetensors")]:
        file.unlink()
    (base / "model-Q4_K_M.gguf").write_bytes(b"GGUF")


def an_adapter(base: Path) -> None:
    (base / "adapter_config.json").write_text('{"base_model_name_or_path": "ns/true-base"}')


def pickled(base: Path) -> None:
    (base / "model.safetensors").rename(base / "pytorch_model.bin")


def without(name: str) -> Callable[[Path], None]:
    return lambda base: (base / name).unlink()


def with_config(**keys: Any) -> Callable[[Path], None]:
    return lambda base: change(base / "config.json", **keys)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (only_gguf, "holds GGUF files, which can be asked but not trained"),
        (an_adapter, r"is an adapter, not a base model: set base.repo to what it was trained on \(ns/true-base\)"),
        (pickled, r"its weights are pickles \(pytorch_model.bin\), which can run code"),
        (without("model.safetensors"), "has no safetensors: no weights"),
        (without("config.json"), "has no config.json: expected a transformers model"),
        (without("tokenizer.json"), "has no tokenizer"),
        (with_config(model_type="llama9", architectures=["Llama9ForCausalLM"]), "does not know its type 'llama9'"),
        (with_config(model_type="llava"), "has no causal language model of its type 'llava'"),
        (with_config(model_type=None), "names no model_type"),
        (with_config(model_type="bart", is_encoder_decoder=True), "bart is an encoder with a decoder"),
        (
            with_config(model_type="bert", architectures=["BertForMaskedLM"]),
            "it is a BertForMaskedLM, with another head",
        ),
        (with_config(architectures=["LlamaForSequenceClassification"]), "with another head"),
        (with_config(quantization_config={"quant_method": "gptq", "bits": 4}), "published quantised by gptq"),
        (with_config(hidden_size="wide"), "cannot be loaded as a causal language model"),
        (with_config(num_attention_heads=0), "cannot be loaded as a causal language model"),
        (with_config(vocab_size=300), r"token ids up to \d+ .* but the base has embeddings for 300 only"),
    ],
)
def test_a_base_that_cannot_be_trained_is_refused(base: Path, spoil: Callable[[Path], None], expected: str) -> None:
    spoil(base)
    import re

    assert re.search(expected, refusal(base))


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (
            ("c_attn",),
            'has no layers named c_attn; it has down_proj, gate_proj, .*: set --lora.target_modules=\'\\["down_proj", ',
        ),
        (("q_proj", "q_proj"), "names q_proj more than once"),
        (("q_proj", "lm_head"), "lm_head is the output head of .* which stays as it is"),
        (("embed_tokens",), "has no layers named embed_tokens"),
        (("input_layernorm",), "has no layers named input_layernorm"),
        (("self_attn.q_proj",), r"has no layers named self_attn\.q_proj"),
    ],
)
def test_layers_that_cannot_be_adapted_are_refused_with_a_list_of_others(
    base: Path, targets: tuple[str, ...], expected: str
) -> None:
    import re

    assert re.search(expected, refusal(base, recipe(*targets)))


def test_an_eight_bit_base_cannot_be_sharded(base: Path) -> None:
    change(base / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})
    assert "training.shard_base cannot share out" in refusal(base, recipe(shard_base=True))
    assert inspect_base(pin_of(base), recipe()).quantization == "int8"


def small(kind: str) -> Any:
    """Configs of families with other keys or parts than Llama."""
    import transformers as t

    vocabulary, widths = len(TOKENIZER), WIDTHS
    vision = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "image_size": 28,
        "patch_size": 14,
    }
    return {
        "bloom": lambda: t.BloomConfig(vocab_size=vocabulary, hidden_size=64, n_layer=1, n_head=4),
        "mpt": lambda: t.MptConfig(vocab_size=vocabulary, d_model=64, n_heads=4, n_layers=1, max_seq_len=96),
        "gpt2": lambda: t.GPT2Config(vocab_size=vocabulary, n_embd=64, n_layer=1, n_head=4, n_positions=96),
        "gemma3": lambda: t.Gemma3Config(text_config=widths, vision_config=vision, mm_tokens_per_image=4),
        "mamba": lambda: t.MambaConfig(vocab_size=vocabulary, hidden_size=64, num_hidden_layers=1),
        "rwkv": lambda: t.RwkvConfig(
            vocab_size=vocabulary, hidden_size=64, num_hidden_layers=1, attention_hidden_size=64
        ),
        "phi4_multimodal": lambda: t.Phi4MultimodalConfig(**widths, vision_config=vision, audio_config=AUDIO),
        "mllama": lambda: t.MllamaConfig(
            text_config=widths
            | {"cross_attention_layers": [0], "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}
        ),
        "gemma4": lambda: t.Gemma4Config(text_config=widths | {"head_dim": 16}),
        "mistral": lambda: t.MistralConfig(**widths, head_dim=16),
    }[kind]()


@pytest.mark.parametrize(
    ("kind", "context"), [("bloom", UNBOUNDED), ("mpt", 96), ("gpt2", 96), ("gemma3", 128), ("mistral", 128)]
)
def test_context_length_of_each_family(kind: str, context: int) -> None:
    assert context_length(small(kind)) == context


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "gemma3",
            "is more than a text decoder and its output head .Gemma3ForConditionalGeneration has model.vision_tower besides",
        ),
        ("phi4_multimodal", "is more than a text decoder"),
        ("mllama", "has layers that attend to images besides"),
        ("gemma4", "is more than a text decoder"),
        ("mamba", "keeps no keys and values of earlier tokens .MambaForCausalLM"),
        ("rwkv", "keeps no keys and values of earlier tokens .RwkvForCausalLM"),
        ("bloom", None),
        ("gpt2", None),
        ("mistral", None),
    ],
)
def test_layers_that_text_cannot_reach_are_refused(kind: str, expected: str | None) -> None:
    if expected is None:
        assert on_meta(small(kind), pin_of(Path("base"))).num_parameters() > 0
        return
    with pytest.raises(UserError, match=expected):
        on_meta(small(kind), pin_of(Path("base")))


def test_missing_weights_are_refused(base: Path) -> None:
    """transformers would initialise them randomly and only log it."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(base / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"it lacks the weights model\.layers\.1\.mlp\.up_proj\.weight"):
        load_base(pin_of(base), "none", "float32")


def test_an_adapter_weight_without_gradient_stops_the_run(base: Path) -> None:
    """Here the model ignores the output of a layer."""
    from training.checks import require_gradients
    from training.model.build import add_adapter

    asked = Lora(r=2, target_modules=["q_proj", "up_proj"])
    loaded = load_base(pin_of(base), "none", "float32")
    model = add_adapter(loaded, pin_of(base), asked, Training(backend="trl", gradient_checkpointing=False))
    state = torch.get_rng_state()
    require_gradients(model, [0, 5, 6, 7], pin_of(base))
    assert torch.equal(state, torch.get_rng_state()) and all(parameter.grad is None for parameter in model.parameters())
    causal: Any = model.get_base_model()
    layer = causal.model.layers[1].self_attn
    layer.forward = lambda hidden_states, **_: (hidden_states, None)
    with pytest.raises(
        UserError, match=r"2 of 8 parts of the adapter get no gradient from text, model\.layers\.1\.self_attn\.q_proj"
    ):
        require_gradients(model, [0, 5, 6, 7], pin_of(base))

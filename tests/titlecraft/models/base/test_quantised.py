"""A base published in 4 or 8 bit is recorded as such, and its adapter merges into a model in full precision."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from playground.export import merge
from tests import present
from tests.evaluation.published_world import training_record
from tests.folder_repos import pin_of, use_folders
from tests.tiny_world import make_base, train_tokenizer
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import load
from titlecraft.models.adapter.read import Adapter
from titlecraft.models.base.four_bit import frozen_weight
from titlecraft.models.base.model import four_bit_fault, load_base
from titlecraft.models.base.quantisation import in_words, published_as
from titlecraft.models.loss.answer_nll import plain_nll
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin, TrainingRecord
from titlecraft.settings import Lora, Prompt, Training
from training.model.build import add_adapter
from training.model.save_adapter import save_adapter

pytestmark = pytest.mark.skipif(bool(four_bit_fault()), reason="needs 4-bit kernels")

PAIR = ((0, 5, 6, 7, 8), (9, 10, 1))
PLAIN_NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
# as unsloth/llama-3-8b-bnb-4bit has it, and others
SETTINGS = {
    "nf4 twice": PLAIN_NF4 | {"bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": torch.bfloat16},
    "nf4": PLAIN_NF4,
    "nf4 in bfloat16": PLAIN_NF4 | {"bnb_4bit_quant_storage": torch.bfloat16},
    "nf4 in part": PLAIN_NF4 | {"llm_int8_skip_modules": ["lm_head", "down_proj"]},
    "fp4": {"load_in_4bit": True, "bnb_4bit_compute_dtype": torch.float32},
    "fp4 twice": {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": True},
    "int8": {"load_in_8bit": True},
}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A Llama and a GPT-2 in full precision, with a tokenizer each."""
    from transformers import GPT2Config, GPT2LMHeadModel

    folder, tokenizer = tmp_path_factory.mktemp("full"), train_tokenizer()
    torch.manual_seed(0)
    gpt2 = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=256,
        n_embd=64,
        n_layer=2,
        n_head=4,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=1,
    )
    for name, model in (("llama", make_base(len(tokenizer))), ("gpt2", GPT2LMHeadModel(gpt2))):
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return {name: folder / name for name in ("llama", "gpt2")}


@pytest.fixture(autouse=True)
def folders(monkeypatch: pytest.MonkeyPatch) -> None:
    use_folders(monkeypatch)
    monkeypatch.setattr(merge, "download", lambda pinned, patterns=None: Path(pinned.repo))


def publish(full: Path, folder: Path, settings: dict[str, Any]) -> Path:
    """Quantise the base with these settings and save it as published bases are."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    model = AutoModelForCausalLM.from_pretrained(
        full, quantization_config=BitsAndBytesConfig(**settings), dtype=torch.float32, trust_remote_code=False
    )
    model.save_pretrained(folder)
    for file in full.glob("tokenizer*"):
        shutil.copy(file, folder)
    return folder


def adapted(base: Path, folder: Path, targets: list[str], quantization: str = "nf4") -> Adapter:
    """An adapter whose update is not zero, saved as training saves it, with a record that names the base."""
    pin = pin_of(base)
    loaded = load_base(pin, quantization, "float32")
    torch.manual_seed(1)
    lora = Lora(r=4, alpha=8, target_modules=targets)
    model = add_adapter(loaded, pin, lora, Training(backend="trl", gradient_checkpointing=False))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    folder.mkdir()
    save_adapter(model, folder)
    record = training_record(Pin(type="dataset", repo="ns/data", revision="d" * 40), pin, loaded.quantization)
    record = replace(record, quantization_note=loaded.quantization_note)
    return Adapter(pin_of(folder), record, PromptFormat.from_settings(Prompt()), {})


def merged(adapter: Adapter, folder: Path) -> tuple[float, float, Any]:
    """NLL of a reference with the adapter on the dequantised base, NLL of the merged model from its files, and that model."""
    loaded = load(adapter, unpack=True)
    before = plain_nll(loaded.model, *PAIR)
    merge.merge_and_save(loaded, adapter, folder)
    model = merge.load_merged(folder, "float32")
    return before, plain_nll(model, *PAIR), model


@pytest.fixture
def published(full: dict[str, Path], tmp_path: Path) -> Iterator[Any]:
    yield lambda kind, family: publish(full[family], tmp_path / "base", SETTINGS[kind])


@pytest.mark.parametrize(
    ("kind", "family", "recorded"),
    [*((kind, "llama", kind.split()[0]) for kind in SETTINGS), ("nf4 twice", "gpt2", "nf4"), ("int8", "gpt2", "int8")],
)
def test_a_quantised_base_is_recorded_and_exported(
    published: Any, tmp_path: Path, kind: str, family: str, recorded: str
) -> None:
    base = published(kind, family)
    targets = ["c_attn", "c_proj"] if family == "gpt2" else ["q_proj", "down_proj"]
    adapter = adapted(base, tmp_path / "adapter", targets)
    assert adapter.training.quantization == recorded
    assert isinstance(adapter.training, TrainingRecord)
    assert (adapter.training.quantization_note is None) == (recorded == "nf4")
    before, after, model = merged(adapter, tmp_path / "merged")
    assert before == pytest.approx(after, abs=1e-4)
    assert not hasattr(model.config, "quantization_config")
    with torch.no_grad():
        ids = torch.tensor([[*PAIR[0], *PAIR[1]]])
        as_trained = load(adapter).model(input_ids=ids).logits
        apart = float((model(input_ids=ids).logits - as_trained).abs().max() / as_trained.abs().max())
    assert apart < (0.1 if recorded == "int8" else 1e-5), "8-bit layers round their inputs too"


def test_conv1d_layers_of_gpt2_are_restored(full: dict[str, Path], tmp_path: Path) -> None:
    """bitsandbytes keeps Conv1D transposed, as a linear layer; a merged model has it as GPT-2 does."""
    before, after, model = merged(adapted(full["gpt2"], tmp_path / "adapter", ["c_attn"]), tmp_path / "merged")
    assert before == pytest.approx(after, abs=1e-4)
    assert type(model.transformer.h[0].attn.c_attn).__name__ == "Conv1D"


def test_the_weight_of_an_eight_bit_layer_is_scaled() -> None:
    from bitsandbytes.nn.modules import Int8Params, Linear8bitLt

    true = torch.randn(128, 64, generator=torch.Generator().manual_seed(0)) * 0.05
    layer = Linear8bitLt(64, 128, bias=False, has_fp16_weights=False)
    codes: Any = Int8Params  # its __new__ takes more than the one of Parameter
    layer.weight = codes(true.clone(), requires_grad=False, has_fp16_weights=False)
    layer = layer.to("cpu")
    for computed in (False, True):  # bitsandbytes moves codes and scales when it first computes
        if computed:
            layer(torch.randn(2, 64))
        weight = frozen_weight(layer, torch.float32)
        assert float((weight - true).norm() / true.norm()) < 0.01


def config_of(settings: Any) -> Any:
    from transformers import LlamaConfig

    config = LlamaConfig()
    config.quantization_config = settings
    return config


@pytest.mark.parametrize(
    "settings",
    [
        {"quant_method": "gptq", "bits": 4},
        {"quant_method": "awq"},
        {"quant_method": "fp8"},
        {"quant_method": "mxfp4"},
        {"quant_method": "compressed-tensors"},
        {"quant_method": "bitsandbytes"},
        {"bits": 4},
        "4bit",
        ["gptq"],
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf5"},
    ],
)
def test_other_quantisations_are_refused_from_the_config(settings: Any) -> None:
    with pytest.raises(UserError, match=r"is published quantised by .*expected full precision, or bitsandbytes"):
        published_as(config_of(settings), pin_of(Path("base")))


def test_every_quantisation_has_words() -> None:
    assert published_as(config_of({"_load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}), pin_of(Path("b"))) == "nf4"
    assert published_as(config_of(None), pin_of(Path("b"))) == "none"
    assert [in_words(name) for name in ("nf4", "fp4", "int8", "none")] == [
        "4 bit (nf4)",
        "4 bit (fp4)",
        "8 bit (int8)",
        "not quantised",
    ]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU reads every width")
@pytest.mark.parametrize(("hidden", "inner"), [(96, 192), (64, 160)])
def test_widths_that_a_cpu_misreads_are_noted_or_refused(
    full: dict[str, Path], tmp_path: Path, hidden: int, inner: int
) -> None:
    """A base to quantise is loaded in full precision with a note; one published in 4 bit is refused."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=400,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=64,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "odd")
    for file in full["llama"].glob("tokenizer*"):
        shutil.copy(file, tmp_path / "odd")
    loaded = load_base(pin_of(tmp_path / "odd"), "nf4", "float32")
    assert loaded.quantization == "none" and "bitsandbytes misreads layers of width" in present(
        loaded.quantization_note
    )
    ready = publish(tmp_path / "odd", tmp_path / "ready", PLAIN_NF4)
    with pytest.raises(UserError, match=r"published in 4 bit \(nf4\), and bitsandbytes misreads layers of width"):
        load_base(pin_of(ready), "nf4", "float32")

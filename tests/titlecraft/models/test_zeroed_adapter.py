"""Both arms share one compiled decoding step, and "before" still equals the base."""

from typing import Any

import pytest
import torch

from tests.tiny_world import add_adapter, make_base, train_tokenizer
from titlecraft.models.adapter.probe import probe_logits
from titlecraft.models.adapter.zeroed import is_base_when_zeroed, zeroed_adapter
from titlecraft.models.decoding import generate as generating
from titlecraft.models.decoding.generate import Shape, generate
from titlecraft.models.decoding.plain import PlainDecoder
from titlecraft.models.decoding.request import Arm, Request

pytestmark = pytest.mark.slow

PROMPTS = [[0, 5, 9, 11], [0, 17, 30], [0, 8, 8, 8, 25]]
SHAPE = Shape(3, 64)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


@pytest.fixture
def bare(tokenizer):
    return probe_logits(make_base(len(tokenizer)))


@pytest.fixture
def model(tokenizer):
    model = add_adapter(make_base(len(tokenizer)))
    with model.disable_adapter():  # PEFT has switched once when a run decodes: evaluation.guards
        pass
    return model


@pytest.fixture
def graphs(monkeypatch):
    """The number of compiled graphs; transformers also compiles decoding steps on a CPU."""
    from torch._dynamo.utils import counters
    from transformers import CompileConfig

    plain = generating.greedy_settings

    def compiled(*arguments):
        settings = plain(*arguments)
        config: Any = CompileConfig(backend="aot_eager", mode=None)  # pyright: ignore[reportArgumentType]
        config._compile_all_devices = True
        settings.compile_config = config
        return settings

    monkeypatch.setattr(generating, "greedy_settings", compiled)
    torch._dynamo.reset()
    counters.clear()
    yield lambda: counters["stats"]["unique_graphs"]
    torch._dynamo.reset()


def adapter_weights(model) -> list[torch.Tensor]:
    return [parameter for name, parameter in model.named_parameters() if "lora_" in name]


def decoder_of(model, tokenizer, zeroed_is_base: bool) -> PlainDecoder:
    return PlainDecoder(model, tokenizer, 3, compiles=True, zeroed_is_base=zeroed_is_base)


def requests(tokenizer, arm: Arm) -> list[Request]:
    return [Request(prompt, 8, (tokenizer.eos_token_id,), arm) for prompt in PROMPTS]


@pytest.mark.parametrize(("zeroed_is_base", "expected"), [(True, 1), (False, 2)])
def test_both_arms_share_one_compiled_step(model, tokenizer, graphs, zeroed_is_base: bool, expected: int) -> None:
    decoder = decoder_of(model, tokenizer, zeroed_is_base)
    arms: list[Arm] = ["base", "tuned", "tuned", "base"]
    for arm in arms:
        decoder.answers(requests(tokenizer, arm))
    assert graphs() == expected


def test_compiled_answers_equal_those_without_a_compiler(model, tokenizer, request) -> None:
    answers = {"tuned": generate(model, tokenizer, PROMPTS, 8, SHAPE)}
    with model.disable_adapter():
        answers["base"] = generate(model, tokenizer, PROMPTS, 8, SHAPE)
    assert answers["base"] != answers["tuned"]
    graphs = request.getfixturevalue("graphs")
    decoder = decoder_of(model, tokenizer, zeroed_is_base=True)
    arms: list[Arm] = ["base", "tuned", "base", "tuned"]
    for arm in arms:
        assert decoder.answers(requests(tokenizer, arm)) == answers[arm]
    assert graphs() == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_zeroed_adapter_gives_the_base_bit_for_bit_and_is_restored(model, tokenizer, dtype) -> None:
    model, base = model.to(dtype), make_base(len(tokenizer)).to(dtype)
    on, weights = probe_logits(model), [parameter.detach().clone() for parameter in adapter_weights(model)]
    places = [parameter.data_ptr() for parameter in adapter_weights(model)]
    with zeroed_adapter(model):
        assert torch.equal(probe_logits(model), probe_logits(base))
        assert not any(parameter.any() for parameter in adapter_weights(model))
        assert [parameter.data_ptr() for parameter in adapter_weights(model)] == places  # a recorded step reads there
    assert all(map(torch.equal, adapter_weights(model), weights)) and len(weights) == 2 * 7 * 2
    assert torch.equal(probe_logits(model), on) and not torch.equal(on, probe_logits(base))


def test_the_weights_are_restored_after_an_error(model) -> None:
    on = probe_logits(model)
    with pytest.raises(KeyboardInterrupt), zeroed_adapter(model):
        raise KeyboardInterrupt
    assert torch.equal(probe_logits(model), on)


@pytest.mark.parametrize("zeroed_is_base", [True, False])
def test_an_adapter_is_zeroed_where_both_arms_share_a_step(model, tokenizer, bare, zeroed_is_base: bool) -> None:
    decoder = decoder_of(model, tokenizer, zeroed_is_base)
    with decoder.arm("base"):
        assert any(map(torch.any, adapter_weights(model))) != zeroed_is_base
        assert torch.equal(probe_logits(model), bare)
    with decoder.arm("tuned"):
        assert not torch.equal(probe_logits(model), bare)


@pytest.mark.parametrize("changes", [{"use_dora": True}, {"modules_to_save": ["lm_head"]}])
def test_an_adapter_with_other_updates_is_switched_off(tokenizer, bare, changes: dict) -> None:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM", **changes)
    model = get_peft_model(make_base(len(tokenizer)), config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter += 0.1
    assert not is_base_when_zeroed(model, bare)

"""Both arms share one compiled decoding step, and "before" still equals the base."""

from typing import Any

import pytest
import torch

from evaluation.lighteval_harness.pipeline import restored_process
from evaluation.model.finished_batches import FinishedBatches
from evaluation.progress import Progress
from evaluation.titles.draw import Title
from tests.tiny_world import add_adapter, make_base, train_tokenizer
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.adapter.probe import probe_logits
from titlecraft.models.adapter.zeroed import is_base_when_zeroed, zeroed_adapter
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.base.model import LoadedBase
from titlecraft.models.decoding import generate as generating
from titlecraft.models.decoding.generate import Shape, generate
from titlecraft.settings import Evaluation, Recipe

pytestmark = pytest.mark.slow

with restored_process():
    from lighteval.tasks.requests import Doc

    from evaluation.lighteval_harness.arms import TwoArms
    from evaluation.lighteval_harness.tasks import AFTER, BEFORE

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


def arms_of(model, tokenizer, zeroed_is_base: bool, titles=()) -> TwoArms:
    loaded = Loaded(
        model,
        tokenizer,
        base=LoadedBase(model, tokenizer, "none", None, "float32"),
        checks=[],
        zeroed_is_base=zeroed_is_base,
    )
    recipe = Recipe(evaluation=Evaluation(batch_size=2))
    lookup: Any = None  # nothing is looked up
    return TwoArms(loaded, titles, lookup, recipe, Progress(), FinishedBatches(None, {}))


@pytest.mark.parametrize(("zeroed_is_base", "expected"), [(True, 1), (False, 2)])
def test_both_arms_share_one_compiled_step(model, tokenizer, graphs, zeroed_is_base: bool, expected: int) -> None:
    arms = arms_of(model, tokenizer, zeroed_is_base)
    with attention_of("generating", model, on_gpu=True):
        for arm in (BEFORE, AFTER, AFTER, BEFORE):
            with arms.arm(arm, compiled=True):
                generate(model, tokenizer, PROMPTS, 8, SHAPE)
    assert graphs() == expected


def test_compiled_answers_equal_those_without_a_compiler(model, tokenizer, request) -> None:
    answers = {AFTER: generate(model, tokenizer, PROMPTS, 8, SHAPE)}
    with model.disable_adapter():
        answers[BEFORE] = generate(model, tokenizer, PROMPTS, 8, SHAPE)
    assert answers[BEFORE] != answers[AFTER]
    graphs = request.getfixturevalue("graphs")
    arms = arms_of(model, tokenizer, zeroed_is_base=True)
    for arm in (BEFORE, AFTER, BEFORE, AFTER):
        with arms.arm(arm, compiled=True):
            assert generate(model, tokenizer, PROMPTS, 8, SHAPE) == answers[arm]
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


@pytest.mark.parametrize("doing", ["generating", "sampling", "scoring"])
def test_an_adapter_is_zeroed_for_decoding_and_switched_off_for_scoring(
    model, tokenizer, bare, doing: str, monkeypatch
) -> None:
    monkeypatch.setattr(Loaded, "compiles", True)  # as on a GPU
    titles = [Title(f"{n}", f"title {n}", "text", f"prompt {n}", (0, n), (5, 1), 1, 4) for n in range(5)]
    docs = [
        Doc(title.prompt, ["text"], 0, task_name=arm, specific={"title": title.title})
        for arm in (BEFORE, AFTER)
        for title in titles
    ]
    seen = []

    def run(arm: str, batch: list[Title]) -> list[Any]:
        at_zero, is_base = not any(map(torch.any, adapter_weights(model))), torch.equal(probe_logits(model), bare)
        seen.append((arm, at_zero, is_base))
        return [None] * len(batch)

    arms_of(model, tokenizer, True, titles).alternate_arms(doing, docs, lambda title: 1, run)
    before, after = (BEFORE, doing != "scoring", True), (AFTER, False, False)
    assert seen == [before, after, after, before, before, after]


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

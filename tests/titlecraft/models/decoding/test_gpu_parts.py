"""What a GPU computes in another way, on a CPU: stacked weights, and the choice of tokens for many rows at once."""

from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from tests import tiny_families
from titlecraft.models.adapter.probe import probe_logits
from titlecraft.models.attention.document import attend_causally
from titlecraft.models.decoding import network as network_module
from titlecraft.models.decoding.choose_rows import RowChooser, candidates_of
from titlecraft.models.decoding.network import Network
from titlecraft.models.decoding.open import difference
from titlecraft.models.decoding.ops import TorchOps
from titlecraft.models.decoding.products import Use
from titlecraft.models.decoding.request import Request, Sampling
from titlecraft.models.decoding.static import StaticDecoder, sizes
from titlecraft.models.loss.answer_nll import plain_nll, reference_nll

VOCABULARY = 50


@pytest.mark.parametrize(("family", "more"), [("qwen2", ()), ("qwen3", ("gate_proj", "down_proj"))])
def test_stacked_weights_give_the_logits_of_the_model_and_stay_its_weights(family: str, more: tuple[str, ...]) -> None:
    model = tiny_families.with_adapter(tiny_families.make(family), *more).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.3)
    before = probe_logits(model)
    network = Network(model, 256, TorchOps(), together=True)
    assert difference(network, model) is None
    assert torch.equal(probe_logits(model), before)
    weight = model.get_base_model().model.layers[0].self_attn.q_proj.base_layer.weight
    assert weight.data_ptr() == network.layers[0].qkv.stacked.data_ptr()
    prompts = [[0, 7, 8], [0, 9], [0, 10, 11, 12]]
    answers = {}
    for arm in ("base", "tuned"):
        requests = [Request(prompt, 6, (), arm) for prompt in prompts]
        answers[arm] = StaticDecoder(network, 3, 256, "").answers(requests)
    mixed = [Request(prompts[0], 6, (), "base"), Request(prompts[1], 6, (), "tuned")]
    assert StaticDecoder(network, 3, 256, "").answers(mixed) == [answers["base"][0], answers["tuned"][1]]
    assert answers["base"] != answers["tuned"]


@pytest.mark.parametrize("arm", ["base", "tuned"])
def test_scores_of_packed_texts_are_those_of_the_model(arm: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a torch implementation of varlen attention, which is for GPUs only."""

    def by_document(q: Any, k: Any, v: Any, borders: Any, longest: int, scale: float) -> Any:
        parts = [
            attend_causally(q[:, :, s:e], k[:, :, s:e], v[:, :, s:e], scale, None, 0.0) for s, e in pairwise(borders)
        ]
        return torch.cat(parts, 2).transpose(1, 2)

    monkeypatch.setattr(network_module, "attend_varlen", by_document)
    model = tiny_families.with_adapter(tiny_families.make("qwen3"), "up_proj").eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.3)
    network = Network(model, 256, TorchOps(), together=True)
    pairs = [([0, 7, 8], [9, 10, 1]), ([0], [11, 1]), ([0, 12, 13, 14, 15], [1])]
    with model.disable_adapter() if arm == "base" else nullcontext():
        expected = [plain_nll(model, *pair) for pair in pairs]
    found = reference_nll(model, pairs, 2, partial(network.states, use=arm))
    assert found == pytest.approx(expected, rel=1e-5)


def chances(logits: Any, sampling: Sampling) -> Any:
    """The probabilities that transformers samples from."""
    scores = TemperatureLogitsWarper(sampling.temperature)(None, logits[None])  # pyright: ignore[reportArgumentType]
    if sampling.top_k:
        scores = TopKLogitsWarper(sampling.top_k)(None, scores)  # pyright: ignore[reportArgumentType]
    return TopPLogitsWarper(sampling.top_p)(None, scores).softmax(-1)[0]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("how", [(0.8, 20, 0.9), (1.3, 0, 0.7), (1.0, 5, 1.0), (0.5, 0, 1.0)])
def test_rows_are_sampled_with_the_chances_of_transformers(how: tuple[float, int, float]) -> None:
    torch.manual_seed(0)
    logits, rows = torch.randn(VOCABULARY) * 2, 4_000
    requests = [Request([0], 1, (), "base", Sampling(*how, seed)) for seed in range(rows - 1)] + [Request([0], 1)]
    chooser = RowChooser(rows, 1, "cpu")
    chooser.begin(list(range(rows)), requests)
    candidates = candidates_of(requests, VOCABULARY)
    places = torch.arange(rows), torch.zeros(rows, dtype=torch.long)
    tokens = chooser(logits.expand(rows, -1), *places, candidates)
    assert tokens[-1] == logits.argmax()  # greedy, in the same batch
    expected, seen = chances(logits, Sampling(*how)), tokens[:-1].bincount(minlength=VOCABULARY) / (rows - 1)
    assert not seen[expected == 0].any()
    assert (seen - expected).abs().max() < 0.04
    some = torch.tensor([700, 3])  # the same tokens beside others
    moved = RowChooser(2, 3, "cpu")
    moved.begin([1, 0], [requests[3], requests[700]])
    again = moved(logits.expand(2, -1), torch.arange(2), torch.zeros(2, dtype=torch.long), VOCABULARY)
    assert again.tolist() == tokens[some].tolist()


def test_few_steps_are_captured() -> None:
    assert sizes(8) == [1, 2, 3, 4, 6, 8]
    assert sizes(20) == [1, 2, 3, 4, 6, 8, 12, 16, 20]
    assert candidates_of([Request([0], 1), Request([0], 1, (), "base", Sampling(top_k=50))], 400) == 128
    assert candidates_of([Request([0], 1, (), "base", Sampling())], 400) == 400
    assert candidates_of([Request([0], 1)], 400) == 0

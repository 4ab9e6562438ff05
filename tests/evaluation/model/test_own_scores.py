"""NLLs equal those of the model's own logits: alone, padded, in packed documents, in both arms, and after a merge."""

from functools import partial
from typing import Any

import pytest
import torch

from playground.export.merge import merge
from tests.tiny_families import make, with_adapter
from titlecraft.errors import UserError
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.loss.answer_nll import plain_nll, reference_nll
from titlecraft.models.loss.check_scores import PROBE_PAIRS, check_own_scores, check_probe_scores, rounding

check = partial(check_own_scores, pairs=PROBE_PAIRS, pad_token_id=2, name="scores")
FAMILIES = (
    "llama",
    "granite",
    "cohere",
    "cohere2",
    "gemma2",
    "gemma3",
    "gpt-oss",
    "mixtral",
    "nemotron",
    "bloom",
    "mamba",
)


def adapted(family: str, **changes: Any) -> Any:
    """A model of the family with an adapter that changes its logits."""
    model = with_adapter(make(family, **changes)).eval()
    drawn = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.copy_(torch.randn(parameter.shape, generator=drawn) * 0.1)
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_alone_padded_and_packed_equal_plain_logits_in_both_arms(family: str) -> None:
    model = adapted(family)
    for batch_size, on_gpu in ((1, False), (2, False), (2, True)):
        result = check(model, batch_size=batch_size, on_gpu=on_gpu)
        allowed = "0.002" if family in ("gpt-oss", "mixtral") else "0.0001"  # experts that are as good as equal
        assert (result.holds, result.expected, result.found) == (True, f"within {allowed} nats per token", "within it")


def test_a_short_completion_may_move_further_by_rounding_in_bfloat16_alone() -> None:
    """On SmolLM2-135M in bfloat16 a title with a short reference moved by 0.047 nats per token."""
    model = adapted("llama")
    assert rounding(model, 4) == rounding(model, 400) == 1e-4
    model = model.to(torch.bfloat16)
    assert rounding(model, 4) > 0.08 > 0.05 > rounding(model, 40) > rounding(model, 10_000) > 0.03


def test_a_score_that_leaves_out_the_scale_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapted("granite")
    # the old mistake
    monkeypatch.setattr(
        "titlecraft.models.loss.answer_nll.own_logits", lambda model, states: model.get_output_embeddings()(states)
    )
    with pytest.raises(
        UserError,
        match=r"^scores are those of the model's own logits, with the adapter and without: expected within "
        r"0\.0001 nats per token, found [\d.]+ apart; this base is not supported yet: train on another base\.repo$",
    ):
        check_probe_scores(model, 2, on_gpu=False)


def test_a_base_that_does_not_see_its_padding_is_scored_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapted("llama")
    decoder = model.get_base_model().get_decoder()
    own = decoder.forward

    def unmasked(*args: Any, attention_mask: Any = None, **kwargs: Any) -> Any:
        seen = None if attention_mask is None else torch.ones_like(attention_mask)
        return own(*args, attention_mask=seen, **kwargs)

    monkeypatch.setattr(decoder, "forward", unmasked)
    with pytest.raises(UserError, match=r"as it scores one title: set --evaluation\.batch_size=1$"):
        check(model, batch_size=2, on_gpu=False)
    assert check(model, batch_size=1, on_gpu=False).holds


def test_a_nan_score_fails_the_check() -> None:
    model = adapted("llama")
    model.get_base_model().get_decoder().norm.weight.data.fill_(float("nan"))
    with pytest.raises(UserError, match="found nan apart"):
        check(model, batch_size=1, on_gpu=False)


@pytest.mark.parametrize("doing", ["scoring", "generating"])
@pytest.mark.parametrize(
    "family, own", [("gpt-oss", "eager"), ("gemma2", "eager"), ("falcon", "sdpa"), ("bloom", "eager")]
)
def test_a_family_with_other_attention_arguments_keeps_its_attention(family: str, own: str, doing: str) -> None:
    model = make(family)
    with attention_of(doing, model, on_gpu=True):
        assert model.config._attn_implementation == own
    assert model.config._attn_implementation == own


def test_decoding_with_attention_sinks_is_unchanged() -> None:
    model, ids = make("gpt-oss"), torch.randint(3, 300, (2, 20), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[0, :7] = 0

    def step() -> Any:
        with torch.no_grad():
            out = model(input_ids=ids, attention_mask=mask, use_cache=True)
            one_more = torch.cat([mask, mask[:, -1:]], 1)
            return model(input_ids=ids[:, -1:], past_key_values=out.past_key_values, attention_mask=one_more).logits

    own = step()
    with attention_of("generating", model, on_gpu=True):
        assert torch.equal(step(), own)


@pytest.mark.parametrize("family", ["granite", "cohere", "gemma2"])
def test_a_merged_model_has_the_nll_of_its_own_logits(family: str) -> None:
    model = adapted(family, tie_word_embeddings=False)
    before = [plain_nll(model, *pair) for pair in PROBE_PAIRS]
    merged = merge(model)
    results = [reference_nll(merged, [pair], 2)[0] for pair in PROBE_PAIRS]
    assert results == pytest.approx([plain_nll(merged, *pair) for pair in PROBE_PAIRS], rel=1e-6)
    assert results == pytest.approx(before, rel=1e-4)
    assert check(merged, batch_size=2, on_gpu=False).holds

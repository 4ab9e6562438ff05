"""NaN is refused in adapters, bases, scores and comparisons."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from evaluation.measures.likelihood import NLL_PER_TOKEN
from evaluation.statistics.paired import compare
from tests.model_card.literal_records import training_record
from tests.tiny_world import add_adapter, make_base
from titlecraft.errors import UserError
from titlecraft.models.adapter import read as inputs
from titlecraft.models.adapter.load import check_adapter
from titlecraft.models.adapter.probe import probe_logits
from titlecraft.models.adapter.read import read_adapter
from titlecraft.records import Pin
from titlecraft.settings import Evaluation

NAN, INF = float("nan"), float("inf")
ADAPTER = Pin(type="model", repo="ns/adapter", revision="a" * 40)


@pytest.mark.parametrize("broken", [NAN, INF, 1e38])
def test_an_adapter_with_non_finite_logits_is_refused(broken: float) -> None:
    base = make_base(400)
    bare = probe_logits(base)
    model = add_adapter(base)
    next(parameter for name, parameter in model.named_parameters() if "lora_B" in name).data.fill_(broken)
    with pytest.raises(UserError, match=r"^logits of the adapter are not finite"):
        check_adapter(model, bare)


def test_a_base_with_non_finite_logits_is_refused() -> None:
    base = make_base(400)
    model = add_adapter(base)
    base.get_output_embeddings().weight.data[3] = NAN
    with pytest.raises(UserError, match=r"^logits of the base are not finite"):
        check_adapter(model, probe_logits(base))


@pytest.mark.parametrize("broken", [NAN, INF, -INF])
def test_a_non_finite_score_is_refused(broken: float) -> None:
    good, bad = [1.0] * 30, [1.0] * 29 + [broken]
    settings = replace(Evaluation(), resamples=1000)
    compare(NLL_PER_TOKEN, good, [2.0] * 30, settings)
    with pytest.raises(
        UserError, match=rf"^nll_per_token of title 29 is {broken} before fine-tuning: .* weights of the base are"
    ):
        compare(NLL_PER_TOKEN, bad, good, settings)
    with pytest.raises(
        UserError, match=rf"^nll_per_token of title 29 is {broken} after fine-tuning: .* weights of the adapter"
    ):
        compare(NLL_PER_TOKEN, good, bad, settings)


def test_reports_with_a_non_finite_base_score_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation.side_by_side import comparison

    pairs = [({"nll_per_token_before": 1.0}, {"nll_per_token_before": value}) for value in (1.5, NAN, 1.0)]
    # max() passed over it
    assert max(abs(first["nll_per_token_before"] - second["nll_per_token_before"]) for first, second in pairs) == 0.5
    monkeypatch.setattr(comparison, "require_comparable", lambda *_: None)
    monkeypatch.setattr(comparison, "common_rows", lambda *_: pairs)
    monkeypatch.setattr(comparison, "outcome", lambda *_: None)
    report: Any = SimpleNamespace(record=SimpleNamespace(evaluation=Evaluation()))
    with pytest.raises(UserError, match="says of its base that nll_per_token is no finite number"):
        comparison.compare_reports(report, report)


@pytest.mark.parametrize("broken", [NAN, INF])
def test_a_broken_adapter_is_refused_before_the_base_is_loaded(
    broken: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`evaluate`, `ask`, `play`, `export` and `space` all begin with this check."""
    record = msgspec.structs.replace(training_record("other"))
    monkeypatch.setattr(inputs, "pin", lambda *_: ADAPTER)
    monkeypatch.setattr(inputs, "read_file", lambda pinned, path: record.to_json() if pinned == ADAPTER else None)
    monkeypatch.setattr(inputs, "download", lambda *_: tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}")
    weight = torch.from_numpy(np.ones((4, 8), dtype=np.float32)).to(torch.bfloat16)
    save_file({"a.lora_B.weight": weight}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(UserError, match=r"has no prompt\.json"):  # so far it comes with a good one
        read_adapter("ns/adapter")
    weight[3, 7] = broken
    save_file({"a.lora_B.weight": weight}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(
        UserError,
        match=r"^ns/adapter@aaaaaaaaaaaa cannot be used: adapter_model\.safetensors holds numbers that are not",
    ):
        read_adapter("ns/adapter")

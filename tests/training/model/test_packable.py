"""Models that cannot be trained on packed rows are refused from their config; others attend within documents only."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests import present
from tests.tiny_families import FAMILIES, NOT_PACKABLE, make, with_adapter
from tests.tiny_world import train_tokenizer
from tests.training.model.test_fast_path import rows_of
from tests.training.model.test_own_loss import BASE, MODES, trainer_of
from titlecraft.errors import UserError
from titlecraft.models.attention.document import documents_fault, use_documents_attention
from training.data.packing import flatten_rows
from training.model.own_loss import check_own_loss
from training.model.packable import require_packable


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer()


@pytest.mark.parametrize("family", FAMILIES)
def test_unpackable_families_are_known_from_the_config(family: str) -> None:
    model = make(family)
    fault = documents_fault(model, 40)
    if family not in NOT_PACKABLE:
        assert fault is None
        require_packable(model.config, BASE, 40)
        return
    assert NOT_PACKABLE[family] in present(fault)
    with pytest.raises(
        UserError, match=rf"^{BASE} cannot be trained on packed rows: .*; use --training\.packing=false$"
    ):
        require_packable(model.config, BASE, 40)


@pytest.mark.parametrize("kind, fields, longest, message", [
    ("lfm2", {"layer_types": ["conv", "full_attention"], "num_hidden_layers": 2}, 40, "layers of the kind conv"),
    ("recurrent_gemma", {"num_hidden_layers": 3, "lru_width": 64}, 40, "see the row by other means than attention"),
    ("llama4_text", {"num_hidden_layers": 2, "attention_chunk_size": 32, "head_dim": 16}, 40, "within chunks of 32 tokens"),
    ("llama4_text", {"num_hidden_layers": 2, "attention_chunk_size": 64, "head_dim": 16}, 40, None),
    ("vaultgemma", {"num_hidden_layers": 2, "head_dim": 16}, 40, "caps its scores"),
])  # fmt: skip
def test_layers_that_mix_tokens_in_other_ways_cannot_be_packed(
    kind: str, fields: Any, longest: int, message: str | None
) -> None:
    from transformers import AutoConfig

    config = AutoConfig.for_model(
        kind,
        vocab_size=320,
        hidden_size=64,
        intermediate_size=96,
        num_attention_heads=4,
        num_key_value_heads=2,
        **fields,
    )
    if message is None:
        return require_packable(config, BASE, longest)
    with pytest.raises(UserError, match=message):
        require_packable(config, BASE, longest)


@pytest.mark.parametrize("family", ["mistral", "mistral, wide window", "starcoder2", "gemma3", "cohere2"])
def test_a_sliding_window_in_packed_rows_equals_the_models_own(family: str, tokenizer: Any, tmp_path: Path) -> None:
    """With windows of 8 tokens and examples of up to 30, each token attends to the same tokens as alone."""
    model = with_adapter(make(family))
    trainer, yardstick = trainer_of(model, MODES["packed"], tokenizer, tmp_path)
    assert all(check.holds for check in check_own_loss(trainer, yardstick, MODES["packed"], BASE))


def test_attention_arguments_that_would_be_ignored_are_refused() -> None:
    model, batch = make("gpt-oss"), flatten_rows([rows_of()[0]])
    use_documents_attention(model)
    with pytest.raises(UserError, match=r"^GptOssAttention has sinks .*: use --training\.packing=false$"):
        model(**{name: value for name, value in batch.items() if name != "labels"})


def test_packed_rows_have_the_attention_dropout_of_the_base() -> None:
    model, batch = make("llama", attention_dropout=0.5), flatten_rows([rows_of()[0]])
    use_documents_attention(model)
    run = lambda: model(**{name: value for name, value in batch.items() if name != "labels"}).logits  # noqa: E731
    with torch.no_grad():
        assert torch.equal(run(), run())
        assert not torch.equal(model.train() and run(), run())

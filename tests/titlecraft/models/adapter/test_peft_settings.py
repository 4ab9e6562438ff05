"""Kinds of LoRA adapters by their adapter_config.json: what they are, what is refused, and what cannot serve them."""

import pytest

from titlecraft.models.adapter.peft_settings import fault_of, kinds_of, llama_cpp_fault, not_served, vllm_fault

PLAIN = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 16, "bias": "none"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"peft_type": "IA3"}, "type IA3"),
        ({"peft_type": None}, "type unknown"),
        ({"task_type": "SEQ_CLS"}, "task SEQ_CLS"),
        ({"r": 0}, "rank r is 0"),
        ({"r": True}, "rank r is True"),
        ({"r": "8"}, "rank r is '8'"),
        ({"bias": "all"}, "biases of the base"),
        ({"init_lora_weights": "pissa_niter_4"}, "change the base"),
        ({"init_lora_weights": "olora"}, "change the base"),
        ({"trainable_token_indices": [1, 2]}, "trainable_token_indices"),
        ({"layer_replication": [[0, 2], [1, 3]]}, "layer_replication"),
        ({"alora_invocation_tokens": [3]}, "alora_invocation_tokens"),
        ({"a_setting_of_tomorrow": 0.5}, "a_setting_of_tomorrow"),
    ],
)
def test_what_has_no_arm_without_the_adapter_is_refused(changed, words) -> None:
    assert words in (fault_of(PLAIN | changed) or "")


@pytest.mark.parametrize(
    ("changed", "kind", "vllm", "llama_cpp"),
    [
        ({"use_dora": True}, "DoRA", "DoRA", "DoRA"),
        ({"use_rslora": True}, "16 / √8 = 5.657", None, "rsLoRA"),
        (
            {"modules_to_save": ["lm_head", "embed_tokens"]},
            "lm_head, embed_tokens",
            "modules_to_save",
            "modules_to_save",
        ),
        ({"rank_pattern": {"q_proj": 2, "v_proj": 4}}, "another rank: 2, 4", "rank_pattern", None),
        ({"alpha_pattern": {"q_proj": 32}}, "another alpha: 32", "alpha_pattern", "alpha_pattern"),
        ({"layers_to_transform": [0, 1]}, "[0, 1]", None, None),
    ],
)
def test_kinds_are_named_with_what_cannot_serve_them(changed, kind, vllm, llama_cpp) -> None:
    config = PLAIN | changed
    assert fault_of(config) is None and len(kinds_of(config)) == 1 and kind in kinds_of(config)[0]
    for found, words in ((vllm_fault(config), vllm), (llama_cpp_fault(config), llama_cpp)):
        assert found is None if words is None else words in (found or "")


def test_plain_lora_has_nothing_to_say() -> None:
    assert (fault_of(PLAIN), kinds_of(PLAIN), not_served(PLAIN)) == (None, [], [])
    assert "--max-lora-rank" in not_served(PLAIN | {"r": 64})[0]
    odd = {
        "rank_pattern": None,
        "modules_to_save": "lm_head",
        "alpha_pattern": [],
        "lora_alpha": None,
        "use_rslora": True,
    }
    assert kinds_of(PLAIN | odd) == ["rsLoRA: its update is scaled by alpha / √r (Kalajdzievski 2023)"]

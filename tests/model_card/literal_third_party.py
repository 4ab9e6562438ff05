"""The card inputs of a third-party adapter, with literal values."""

from model_card.third_party import ThirdPartyInputs
from titlecraft.records import Pin


def third_party_inputs() -> ThirdPartyInputs:
    state = Pin(type="model", repo="somebody/llama-titles", revision="e" * 40)
    return ThirdPartyInputs(
        state,
        {
            "repo": {"id": state.repo, "revision": state.revision, "unsafe": None},
            "adapter": {
                "base_model_name_or_path": "ns/base",
                "peft_type": "LORA",
                "r": 8,
                "lora_alpha": 16,
                "target_modules": ["q_proj", "v_proj"],
                "lora_dropout": None,
                "kinds": ["DoRA: it has the magnitude of each row of a weight beside its direction (Liu et al. 2024)"],
                "not_served": ["vLLM: it refuses DoRA", "llama.cpp: its converter refuses DoRA's magnitudes"],
                "unusable": None,
            },
            "base": {
                "repo": "ns/base",
                "revision": "b" * 40,
                "named": None,
                "warning": None,
                "licence": {"id": "other", "name": "base-licence", "link": "LICENSE.md", "warning": None},
            },
            "weights": {"parameters": 3_407_872, "tensors": 128, "types": ["F32"], "ranks": [8]},
            "tokens": {"bos": None, "eos": "</s>", "pad": None},
            "old": {"license": "mit", "datasets": ["somebody/texts", "<b>x</b>"], "results": 1},
        },
    )

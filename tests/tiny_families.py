"""Tiny models of many families with random weights and the special features of each family, made in memory."""

from typing import Any

from titlecraft.models.attention.document import caps_scores

VOCABULARY = 320
COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
NO_GROUPS = {name: value for name, value in COMMON.items() if name != "num_key_value_heads"}
SMALL = {
    name: COMMON[name]
    for name in (
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "initializer_range",
        "bos_token_id",
        "eos_token_id",
        "pad_token_id",
    )
}
GPT = {
    "vocab_size": VOCABULARY,
    "n_positions": 256,
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 4,
    "initializer_range": 0.2,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2, "router_aux_loss_coef": 0.5}
WINDOW = 8

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", COMMON),
    "mistral": ("mistral", COMMON | {"sliding_window": WINDOW}),
    "mistral, wide window": ("mistral", COMMON | {"sliding_window": 4096}),
    "qwen2": ("qwen2", COMMON | {"tie_word_embeddings": True}),
    "qwen3": ("qwen3", COMMON | {"head_dim": 32}),
    "gemma": ("gemma", COMMON | {"head_dim": 32}),
    "gemma2": ("gemma2", COMMON | {"head_dim": 32, "sliding_window": WINDOW, "final_logit_softcapping": 5.0,
               "attn_logit_softcapping": 5.0, "query_pre_attn_scalar": 32}),
    "gemma3": ("gemma3_text", COMMON | {"head_dim": 32, "sliding_window": WINDOW, "sliding_window_pattern": 2,
               "final_logit_softcapping": 7.0, "query_pre_attn_scalar": 32}),
    "granite": ("granite", COMMON | {"logits_scaling": 6.0, "embedding_multiplier": 4.0, "residual_multiplier": 0.5,
                "attention_multiplier": 0.1}),
    "granite moe": ("granitemoe", COMMON | EXPERTS | {"logits_scaling": 6.0}),
    "cohere": ("cohere", COMMON | {"logit_scale": 0.25}),
    "cohere2": ("cohere2", COMMON | {"logit_scale": 0.25, "sliding_window": WINDOW}),
    "olmo2": ("olmo2", COMMON),
    "smollm3": ("smollm3", COMMON),
    "starcoder2": ("starcoder2", COMMON | {"sliding_window": WINDOW}),
    "nemotron": ("nemotron", COMMON),
    "phi": ("phi", NO_GROUPS),
    "phi3": ("phi3", COMMON),
    "gpt2": ("gpt2", GPT),
    "gpt-neox": ("gpt_neox", NO_GROUPS),
    "gpt-bigcode": ("gpt_bigcode", GPT),
    "opt": ("opt", SMALL | {"ffn_dim": 96, "max_position_embeddings": 256, "word_embed_proj_dim": 64}),
    "mixtral": ("mixtral", COMMON | EXPERTS),
    "qwen3 moe": ("qwen3_moe", COMMON | EXPERTS | {"head_dim": 32, "moe_intermediate_size": 64, "num_experts": 4,
                  "decoder_sparse_step": 1}),
    "gpt-oss": ("gpt_oss", COMMON | EXPERTS | {"head_dim": 32, "sliding_window": WINDOW}),
    "falcon": ("falcon", SMALL | {"num_kv_heads": 2, "new_decoder_architecture": True, "alibi": False, "bias": False}),
    "falcon, alibi": ("falcon", SMALL | {"multi_query": True, "new_decoder_architecture": False, "alibi": True}),
    "stablelm": ("stablelm", COMMON),
    "bloom": ("bloom", SMALL),
    "mpt": ("mpt", {"vocab_size": VOCABULARY, "d_model": 64, "n_layers": 2, "n_heads": 4, "max_seq_len": 256}),
    "gpt-j": ("gptj", GPT | {"rotary_dim": 8}),
    "mamba": ("mamba", {name: value for name, value in SMALL.items() if name != "num_attention_heads"} | {"state_size": 8}),
}  # fmt: skip


TARGETS = {  # of LoRA, by the kind of model; q_proj and v_proj elsewhere
    "gpt2": ["c_attn"],
    "gpt_neox": ["query_key_value"],
    "gpt_bigcode": ["c_attn"],
    "falcon": ["query_key_value"],
    "bloom": ["query_key_value"],
    "mpt": ["Wqkv"],
    "mamba": ["x_proj"],
    "phi3": ["qkv_proj"],
}


def with_adapter(base: Any, *more: str) -> Any:
    """A PeftModel of a family with a fresh adapter on its attention layers and on `more`."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    targets = sorted([*TARGETS.get(base.config.model_type, ["q_proj", "v_proj"]), *more])
    conv = base.config.model_type == "gpt2"
    config = LoraConfig(r=4, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM", fan_in_fan_out=conv)
    return get_peft_model(base, config)


def make(family: str, **changes: Any) -> Any:
    """The family's causal model in float32 and eval mode; `changes` are fields of its config."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    kind, fields = FAMILIES[family]
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **fields | changes)
    own = {"attn_implementation": "eager"} if caps_scores(config) else {}  # as titlecraft.models.base.model loads it
    model = AutoModelForCausalLM.from_config(config, **own).float().eval()
    for name, parameter in model.named_parameters():
        if name.endswith("sinks"):
            parameter.data.fill_(2.0)
        elif name.endswith("bias"):
            parameter.data.normal_(std=0.2)
    return model


NOT_PACKABLE = {
    "gemma2": "caps its scores in its attention",
    "gpt-oss": "has sinks in its attention",
    "nemotron": "does not tell its attention where a document begins",
    "mamba": "works with its own attention only",
} | dict.fromkeys(("falcon", "falcon, alibi", "stablelm", "bloom", "mpt", "gpt-j"), "works with its own attention only")
"""Family -> why it cannot be trained on packed rows."""

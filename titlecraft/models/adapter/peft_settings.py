"""What the adapter_config.json of a LoRA adapter says of its kind, and what Titlecraft, vLLM and llama.cpp cannot do with it.

The keys are those of peft.LoraConfig. vLLM's limits are those of its PEFTHelper (vllm/lora/peft_helper.py), llama.cpp's those of
convert_lora_to_gguf.py, which knows one alpha, the factors A and B, and no other scale than alpha / rank.
"""

from math import sqrt
from typing import Any

# settings that change nothing that Titlecraft does, or that it handles
HANDLED = {
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "ensure_weight_tying", "eva_config",
    "exclude_modules", "fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform",
    "loftq_config", "lora_alpha", "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core", "modules_to_save",
    "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision", "runtime_config", "target_modules",
    "task_type", "use_dora", "use_rslora",
}  # fmt: skip
INITIAL = (None, True, False, "gaussian", "orthogonal", "eva")  # initial weights that leave the base as it is
MOST_RANK_OF_VLLM = 16  # the default of --max-lora-rank
EMBEDDINGS = ("embed_tokens", "lm_head", "wte", "embed_in", "embed_out")


def is_text(value: Any) -> bool:
    """Whether a value is a text that is not empty."""
    return isinstance(value, str) and bool(value)


def names(value: Any) -> list[str]:
    """The texts of a list of a config; none of another value."""
    return [name for name in value if is_text(name)] if isinstance(value, list) else []


def pattern(config: dict[str, Any], name: str) -> dict[str, Any]:
    """A setting by module name, `rank_pattern` or `alpha_pattern`; empty without one."""
    value = config.get(name)
    return value if isinstance(value, dict) else {}


def fault_of(config: dict[str, Any]) -> str | None:
    """Why Titlecraft cannot compare a base with and without this adapter; None if it can.

    Both arms share one loaded base, so an adapter that changes the base itself has no arm without it.
    """
    kind, task = config.get("peft_type"), config.get("task_type")
    initial, rank = config.get("init_lora_weights"), config.get("r")
    if kind != "LORA":
        return f"it is of the type {kind or 'unknown'}, and only LoRA adapters (peft_type LORA) are read"
    if task not in (None, "CAUSAL_LM"):
        return f"it is for the task {task}, and only adapters of causal language models (CAUSAL_LM) are read"
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        return f"its rank r is {rank!r}: expected a whole number of at least 1"
    if config.get("bias", "none") != "none":
        return f"it trained biases of the base (bias {config['bias']}), which stay when the adapter is switched off"
    if initial not in INITIAL:
        return (
            f"its initial weights ({initial}) change the base when PEFT loads it; its author can save it as plain LoRA with "
            "save_pretrained(path_initial_model_for_weight_conversion=…)"
        )
    others = sorted(name for name, value in config.items() if value and name not in HANDLED)
    return f"it sets {others[0]}, which is not supported here" if others else None


def kinds_of(config: dict[str, Any]) -> list[str]:
    """What an adapter is beyond plain LoRA, in sentences; empty for plain LoRA."""
    ranks, alphas = pattern(config, "rank_pattern"), pattern(config, "alpha_pattern")
    saved, layers = names(config.get("modules_to_save")), config.get("layers_to_transform")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    sentences = []
    if config.get("use_dora"):
        sentences.append("DoRA: it has the magnitude of each row of a weight beside its direction (Liu et al. 2024)")
    if config.get("use_rslora"):
        scale = f" ({alpha} / √{rank} = {alpha / sqrt(rank):.4g})" if alpha and rank and is_scale(alpha, rank) else ""
        sentences.append(f"rsLoRA: its update is scaled by alpha / √r{scale} (Kalajdzievski 2023)")
    if saved:
        sentences.append(f"Trained in full and saved beside the factors (modules_to_save): {', '.join(saved)}")
    if ranks:
        values = ", ".join(map(str, sorted({*ranks.values()}, key=str)))
        sentences.append(f"rank_pattern gives some layers another rank: {values}, and {rank} elsewhere")
    if alphas:
        values = ", ".join(map(str, sorted({*alphas.values()}, key=str)))
        sentences.append(f"alpha_pattern gives some layers another alpha: {values}, and {alpha} elsewhere")
    if layers is not None:
        sentences.append(f"Only these layers have factors (layers_to_transform): {layers}")
    return sentences


def is_scale(alpha: Any, rank: Any) -> bool:
    """Whether alpha and rank are numbers that give a scale."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) and value > 0 for value in (alpha, rank))


def vllm_fault(config: dict[str, Any]) -> str | None:
    """Why `vllm serve --enable-lora` cannot serve an adapter beside its base; None if nothing speaks against it."""
    rank = config.get("r")
    if config.get("use_dora"):
        return "it refuses DoRA"
    if names(config.get("modules_to_save")):
        return "it refuses modules_to_save"
    if pattern(config, "rank_pattern") or pattern(config, "alpha_pattern"):
        return "it reads one rank and one alpha, and would scale the layers of rank_pattern and alpha_pattern wrongly"
    if isinstance(rank, int) and rank > MOST_RANK_OF_VLLM:
        return f"rank {rank} needs --max-lora-rank of at least that; the default is {MOST_RANK_OF_VLLM}"
    return None


def llama_cpp_fault(config: dict[str, Any]) -> str | None:
    """Why llama.cpp cannot use an adapter alone (convert_lora_to_gguf.py, llama-server --lora); None if nothing speaks against it."""
    if config.get("use_dora"):
        return "its converter refuses DoRA's magnitudes"
    if names(config.get("modules_to_save")):
        return "its converter refuses modules_to_save"
    if config.get("use_rslora"):
        return "it scales by alpha / r, so an rsLoRA adapter would have another effect"
    if pattern(config, "alpha_pattern"):
        return "it knows one alpha, and would scale the layers of alpha_pattern wrongly"
    return None


def not_served(config: dict[str, Any]) -> list[str]:
    """What serves such an adapter beside its base only after merging, or not as it is, in sentences."""
    found = {"vLLM": vllm_fault(config), "llama.cpp": llama_cpp_fault(config)}
    return [f"{program}: {fault}" for program, fault in found.items() if fault]

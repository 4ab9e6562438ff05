"""The requirements of a Space: pinned packages, and hardware for the size of its base model."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from titlecraft.errors import UserError
from titlecraft.models.base.four_bit import NF4_BITS, WEIGHT_BITS
from titlecraft.records import TrainingRecord
from titlecraft.records.space import Hardware

# the packages that the page imports, and those that these load by name; a test runs the page with nothing else
PACKAGES = (
    "accelerate",
    "bitsandbytes",
    "bm25s",
    "filelock",
    "gradio",
    "httpx",
    "huggingface-hub",
    "jinja2",
    "markupsafe",
    "msgspec",
    "numpy",
    "peft",
    "pyarrow",
    "pyyaml",
    "rich",
    "safetensors",
    "scipy",
    "tokenizers",
    "torch",
    "tqdm",
    "transformers",
    "xxhash",
)
# flavors with the GB of GPU memory, or of RAM without a GPU (hub docs, "Using GPU Spaces"); T4s have no bfloat16
CPU = ("cpu-basic", 16)
GPUS = (("t4-small", 16), ("l4x1", 24), ("l40sx1", 48), ("a100-large", 80))
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}  # of a weight
MAX_SHARE = 0.7  # share of the memory for the weights
GPU_FROM = 1_000_000_000  # parameters from which a GPU is suggested


def pinned_requirements(more: tuple[str, ...] = ()) -> list[str]:
    """PACKAGES and `more`, pinned to the installed versions. Raises UserError if one is missing."""
    requirements = []
    for package in sorted((*PACKAGES, *more)):
        try:
            # without "+cpu", because a Space may have a GPU
            requirements.append(f"{package}=={version(package).partition('+')[0]}")
        except PackageNotFoundError as error:
            raise UserError(
                f'a Space pins the installed packages, and {package} is not installed: pip install "titlecraft[play]"'
            ) from error
    return requirements


def suggested_hardware(record: TrainingRecord, config: dict[str, Any]) -> Hardware:
    """Estimate the smallest hardware flavor whose memory holds the base as titlecraft/models/adapter/load.py loads it.

    Without a GPU, 4-bit weights are dequantised to the precision of the training; with one they stay quantised if the memory is
    short.

    Args:
        config: the base's config.json.
    """
    parameters, size = record.base_parameters, BYTES[record.precision]
    plain = parameters * size / 1e9
    bits = WEIGHT_BITS.get(record.quantization)
    packed = packed_gb(parameters, size, config, bits) if bits else plain
    small = parameters < GPU_FROM and plain <= MAX_SHARE * CPU[1]
    fitting = [
        (name, gigabytes)
        for name, gigabytes in GPUS
        if packed <= MAX_SHARE * gigabytes and (name != "t4-small" or record.precision != "bfloat16")
    ]
    flavor, memory = CPU if small else fitting[0] if fitting else GPUS[-1]
    return Hardware(
        flavor=flavor,
        gpu=not small,
        memory_gb=memory,
        weights_gb=round(plain if small else packed, 3),
        unpacked_gb=round(plain, 3),
        parameters=parameters,
        quantization=record.quantization,
        precision=record.precision,
    )


def packed_gb(parameters: int, size: int, config: dict[str, Any], bits: float = NF4_BITS) -> float:
    """The GB of a base model in 4 or 8 bit. Embeddings and output head, tied or not, are not quantised."""
    wide = config.get("vocab_size", 0) * config.get("hidden_size", 0) * (1 if config.get("tie_word_embeddings") else 2)
    return (wide * size + max(0, parameters - wide) * bits / 8) / 1e9

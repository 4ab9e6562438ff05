"""What a Space needs: packages at the versions that run here, and hardware for the size of its base."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from titlecraft.errors import UserError
from titlecraft.models.base.four_bit import NF4_BITS, WEIGHT_BITS
from titlecraft.records import TrainingRecord
from titlecraft.records.space import Hardware

# what the page imports, or what these load by name; a test runs the page with nothing else
PACKAGES = (
    "accelerate", "bitsandbytes", "bm25s", "filelock", "gradio", "httpx", "huggingface-hub", "jinja2", "markupsafe", "msgspec",
    "numpy", "peft", "pyarrow", "pyyaml", "rich", "safetensors", "scipy", "tokenizers", "torch", "tqdm", "transformers", "xxhash",
)  # fmt: skip
# flavors, and the GB of the GPU or, without one, of the machine (hub docs, "Using GPU Spaces"); T4s have no bfloat16
CPU = ("cpu-basic", 16)
GPUS = (("t4-small", 16), ("l4x1", 24), ("l40sx1", 48), ("a100-large", 80))
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}  # of a weight
SPARE = 0.7  # share of the memory that weights may take
GPU_FROM = 1_000_000_000  # parameters: from there on a GPU is suggested, whatever the memory


def pinned_requirements() -> list[str]:
    """Every package of PACKAGES at the version that is installed here. Raises UserError where one is missing."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package}=={version(package).partition('+')[0]}")  # without "+cpu": a Space may have a GPU
        except PackageNotFoundError as error:
            raise UserError(
                f'a Space pins what runs here, and {package} is not installed: pip install "titlecraft[play]"'
            ) from error
    return found


def suggested_hardware(record: TrainingRecord, config: dict[str, Any]) -> Hardware:
    """The smallest flavor whose memory holds the base as titlecraft/models/adapter/load.py loads it there. Nothing of it was tried.

    Without a GPU 4-bit weights are unpacked to the precision that was trained in; with one they stay packed where the
    memory is short.

    Args:
        config: the base's config.json.
    """
    parameters, size = record.base_parameters, BYTES[record.precision]
    plain = parameters * size / 1e9
    bits = WEIGHT_BITS.get(record.quantization)
    packed = packed_gb(parameters, size, config, bits) if bits else plain
    small = parameters < GPU_FROM and plain <= SPARE * CPU[1]
    fitting = [
        one for one in GPUS if packed <= SPARE * one[1] and (one[0] != "t4-small" or record.precision != "bfloat16")
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
    """GB of a base in 4 or 8 bit: embeddings and output head, which share their weights or not, stay as they are."""
    wide = config.get("vocab_size", 0) * config.get("hidden_size", 0) * (1 if config.get("tie_word_embeddings") else 2)
    return (wide * size + max(0, parameters - wide) * bits / 8) / 1e9

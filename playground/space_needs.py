"""What a Space needs: packages at the versions that run here, and hardware for the size of its base."""

from importlib.metadata import PackageNotFoundError, version

from playground.space_record import Hardware
from titlecraft.errors import UserError
from titlecraft.records import TrainingRecord

# what the page imports, or what these load by name; a test runs the page with nothing else
PACKAGES = (
    "accelerate", "bitsandbytes", "bm25s", "filelock", "gradio", "httpx", "huggingface-hub", "jinja2", "markupsafe", "msgspec",
    "numpy", "peft", "pyarrow", "pyyaml", "rich", "safetensors", "scipy", "tokenizers", "torch", "tqdm", "transformers", "xxhash",
)  # fmt: skip
# flavors, and the GB of the GPU or, without one, of the machine (hub docs, "Using GPU Spaces"); T4s have no bfloat16
CPU = ("cpu-basic", 16)
GPUS = (("t4-small", 16), ("l4x1", 24), ("l40sx1", 48), ("a100-large", 80))
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}  # of a weight
FOUR_BIT_BYTES = 0.55  # of a weight in NF4: half a byte, and the scales of its block
SPARE = 0.7  # share of the memory that weights may take
SLOW_FROM = 1_000_000_000  # parameters; two CPU cores write fewer than a few tokens a second from there on


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


def suggested_hardware(record: TrainingRecord) -> Hardware:
    """The smallest flavor whose memory holds the base as evaluation/load.py loads it there. Nothing of it was tried.

    Without a GPU 4-bit weights are unpacked to the precision that was trained in; with one they stay packed where the
    memory is short.
    """
    unpacked = BYTES[record.precision]
    on_gpu = FOUR_BIT_BYTES if record.quantization == "nf4" else unpacked
    plain = record.base_parameters * unpacked / 1e9
    small = record.base_parameters < SLOW_FROM and plain <= SPARE * CPU[1]
    packed = record.base_parameters * on_gpu / 1e9
    fitting = [
        one for one in GPUS if packed <= SPARE * one[1] and (one[0] != "t4-small" or record.precision != "bfloat16")
    ]
    flavor, memory = CPU if small else fitting[0] if fitting else GPUS[-1]
    return Hardware(
        flavor=flavor, gpu=not small, memory_gb=memory, weights_gb=round(plain if small else packed, 3),
        parameters=record.base_parameters, quantization=record.quantization, precision=record.precision,
    )  # fmt: skip

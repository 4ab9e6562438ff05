"""space_record.json: what a Space asks, what it needs, and which files it consists of."""

from typing import Literal

from titlecraft.records import Code, File, Pin, Record


class Hardware(Record, frozen=True):
    """What a Space of this size should run on: computed from the base's parameters, not tried.

    `weights_gb` is what the weights take as the Space loads them, `unpacked_gb` what they take on a CPU; `memory_gb` is what
    the flavor has for them, a GPU's memory or, without a GPU, the machine's.
    """

    flavor: str
    gpu: bool
    memory_gb: int
    weights_gb: float
    unpacked_gb: float
    parameters: int
    quantization: str
    precision: str


class SpaceRecord(Record, frozen=True):
    """How a Space came to be. `requirements` are exact, as they were where it was published; `gradio` is its SDK's version."""

    key: str
    code: Code
    adapter: Pin
    base: Pin
    dataset: Pin
    hardware: Hardware
    gradio: str
    requirements: list[str]
    files: list[File]
    schema: Literal["titlecraft/space/1"] = "titlecraft/space/1"

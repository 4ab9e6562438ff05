"""space_record.json: the inputs, requirements and files of a Space."""

from typing import Literal

from titlecraft.records import Code, File, Pin, Record


class Hardware(Record, frozen=True):
    """Recommended hardware of a Space, computed from the number of the base's parameters.

    `weights_gb` is the size of the weights as the Space loads them, `unpacked_gb` their size on a CPU, and `memory_gb`
    the memory of the flavor's GPU, or of the machine if it has none.
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
    """How a Space was made. `requirements` are exact versions of the publishing machine; `gradio` is the SDK version."""

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

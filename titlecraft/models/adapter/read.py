"""Reading a published adapter at its pin: record, prompt and checksums of the weights. Loads no model."""

from dataclasses import dataclass

from titlecraft.errors import UserError
from titlecraft.hub.pins import download, pin, read_file
from titlecraft.models.adapter.third_party import Stated, read_third_party
from titlecraft.models.adapter.weights import require_finite
from titlecraft.models.base.files import require_whole
from titlecraft.prompt import PromptFormat
from titlecraft.records import TRAINING_RECORD, Pin, TrainingRecord, file_sha256, read_record
from titlecraft.records.repo_files import ADAPTER_FILES, ADAPTER_WEIGHTS, PROMPT_FILE
from titlecraft.records.third_party import ThirdPartyAdapter

ADAPTER_FIX = "train it again with `titlecraft train`, or take another revision of it"


@dataclass(frozen=True)
class Adapter:
    """A published adapter at its pin, with its training record, its prompt, and the sha256 of its files.

    `training` of an adapter without a training record is what a user stated about it, and what its files say.
    """

    adapter: Pin
    training: TrainingRecord | ThirdPartyAdapter
    prompt: PromptFormat
    weights: dict[str, str]


def read_adapter(adapter: str, stated: Stated | None = None) -> Adapter:
    """Pin an adapter and read its record and prompt. Raises UserError.

    Args:
        stated: dataset and base of an adapter without a training record; None for one that Titlecraft trained.
    """
    pinned = pin(adapter, "model")
    training = training_of(pinned, stated)
    local = download(pinned, list(ADAPTER_FILES))
    for name in ADAPTER_FILES:
        if not (local / name).is_file():
            raise UserError(f"{pinned} has no {name}: it is not a PEFT adapter; train one with `titlecraft train`")
    require_whole(local, pinned, list(ADAPTER_FILES))
    require_finite(local / ADAPTER_WEIGHTS, f"{pinned} cannot be used", "train it anew, or take another revision")
    return Adapter(
        adapter=pinned,
        training=training,
        prompt=prompt_of(training),
        weights={name: file_sha256(local / name) for name in ADAPTER_FILES},
    )


def training_of(adapter: Pin, stated: Stated | None) -> TrainingRecord | ThirdPartyAdapter:
    """Return the adapter's training record, or what is stated in its place. Raises UserError if there is neither, or both."""
    raw = read_file(adapter, TRAINING_RECORD)
    if raw is None and stated is None:
        raise UserError(
            f"{adapter} has no {TRAINING_RECORD}: what reads it takes from there which dataset and which base the adapter "
            "was trained on. Train one with `titlecraft train`, which writes it; evaluate, ask and export take the adapter of another "
            "program with --dataset NAMESPACE/NAME"
        )
    if raw is None and stated is not None:
        return read_third_party(adapter, stated)
    if stated is not None:
        raise UserError(
            f"{adapter} has a {TRAINING_RECORD}, which names its dataset and its base: leave out --dataset and --base"
        )
    return read_record(raw or b"", TrainingRecord, f"{TRAINING_RECORD} of {adapter}")


def prompt_of(training: TrainingRecord | ThirdPartyAdapter) -> PromptFormat:
    """Return the prompt of a training: the recorded one, or the dataset's in older records. Raises UserError."""
    if training.trained_prompt is not None:
        return training.trained_prompt.prompt
    raw = read_file(training.dataset, PROMPT_FILE)
    if raw is None:
        raise UserError(f"{training.dataset} has no {PROMPT_FILE}: build the dataset anew with `titlecraft build`")
    return PromptFormat.from_json(raw, f"{PROMPT_FILE} of {training.dataset}")

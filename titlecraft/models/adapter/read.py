"""Reading a published adapter at its pin: record, prompt and checksums of the weights. Loads no model."""

from dataclasses import dataclass

from titlecraft.errors import UserError
from titlecraft.hub.pins import download, pin, read_file
from titlecraft.models.adapter.weights import require_finite
from titlecraft.models.base.files import require_whole
from titlecraft.prompt import PromptFormat
from titlecraft.records import TRAINING_RECORD, Pin, TrainingRecord, file_sha256, read_record
from titlecraft.records.repo_files import ADAPTER_FILES, ADAPTER_WEIGHTS, PROMPT_FILE

ADAPTER_FIX = "train it again with `titlecraft train`, or take another revision of it"


@dataclass(frozen=True)
class Adapter:
    """A published adapter at its pin, with its training record, its prompt, and the sha256 of its files."""

    adapter: Pin
    training: TrainingRecord
    prompt: PromptFormat
    weights: dict[str, str]


def read_adapter(adapter: str) -> Adapter:
    """Pin an adapter and read its record and prompt. Raises UserError if Titlecraft did not train it."""
    pinned = pin(adapter, "model")
    raw = read_file(pinned, TRAINING_RECORD)
    if raw is None:
        raise UserError(
            f"{pinned} has no {TRAINING_RECORD}: what reads it takes from there which dataset and which base the adapter "
            "was trained on. Train one with `titlecraft train`, which writes it"
        )
    training = read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {pinned}")
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


def prompt_of(training: TrainingRecord) -> PromptFormat:
    """Return the prompt of a training: the recorded one, or the dataset's in older records. Raises UserError."""
    if training.trained_prompt is not None:
        return training.trained_prompt.prompt
    raw = read_file(training.dataset, PROMPT_FILE)
    if raw is None:
        raise UserError(f"{training.dataset} has no {PROMPT_FILE}: build the dataset anew with `titlecraft build`")
    return PromptFormat.from_json(raw, f"{PROMPT_FILE} of {training.dataset}")

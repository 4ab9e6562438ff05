"""titlecraft card NS/NAME: the card of an adapter repo, rendered anew from the records that lie in it."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from model_card.metadata import metadata
from titlecraft.errors import UserError
from titlecraft.hub import published_pin, read_file
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.records import REPORT, TRAINING_RECORD, EvaluationRecord, Pin, TrainingRecord, read_record
from titlecraft.settings import Training

EXAMPLE_TITLE = "Adult Ballet Tutu Yellow"


def render(repo: str, prompt: PromptFormat, record: TrainingRecord, report: EvaluationRecord | None) -> str:
    """The whole card, front matter and text. The same records give the same card."""
    environment = Environment(
        loader=PackageLoader("model_card"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        thousands="{:,}".format, signed=lambda value: f"{value:+.4g}" if value else "0", short="{:.4g}".format
    )
    body = environment.get_template("adapter_card.md.jinja").render(
        repo=repo, prompt=prompt, record=record, report=report, primary=report and report.primary(),
        example=prompt.render_title(EXAMPLE_TITLE), changed=changed_settings(record),
    )  # fmt: skip
    return f"---\n{metadata(repo, record, report).to_yaml()}\n---\n\n{body}"


def changed_settings(record: TrainingRecord) -> dict[str, object]:
    """The training settings that differ from the defaults, by name."""
    return {name: value for name, value in vars(record.training).items() if value != getattr(Training(), name)}


def write_card(folder: Path, repo: str) -> None:
    """Write README.md into a folder that is about to be published to `repo`.

    Records are taken from the folder where it has them, else from the repo's head. A report counts only if it is about
    the adapter that the card describes. Raises UserError where there is no training record.
    """
    head = published_pin(repo, "model")
    training = record_bytes(folder, head, TRAINING_RECORD)
    prompt = record_bytes(folder, head, PROMPT_FILE)
    if training is None or prompt is None:
        raise UserError(
            f"model {repo} has no {TRAINING_RECORD} and {PROMPT_FILE}: expected an adapter that `titlecraft train` published"
        )
    record = read_record(training, TrainingRecord, f"{TRAINING_RECORD} of {repo}")
    reports = [
        read_record(file.read_bytes(), EvaluationRecord, f"{REPORT} of {repo}")
        for file in sorted(folder.glob(f"evaluation/*/{REPORT}"))
    ]
    report = next((one for one in reports if read_file(one.adapter, TRAINING_RECORD) == training), None)
    text = render(repo, PromptFormat.from_json(prompt, f"{PROMPT_FILE} of {repo}"), record, report)
    (folder / "README.md").write_text(text, encoding="utf-8")


def record_bytes(folder: Path, head: Pin | None, path: str) -> bytes | None:
    """A file from the folder, else from the repo's head, else None."""
    if (folder / path).is_file():
        return (folder / path).read_bytes()
    return read_file(head, path) if head else None

"""titlecraft card NS/NAME: the card of an adapter repo, rendered anew from the records that lie in it."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from model_card.metadata import metadata
from titlecraft.errors import UserError
from titlecraft.hub import download, read_file
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.records import REPORT, TRAINING_RECORD, EvaluationRecord, Pin, TrainingRecord, has_schema, read_record
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


def write_card(folder: Path, repo: str, head: Pin | None) -> None:
    """Write README.md into a folder that is about to be published on top of `head`.

    Records are taken from the folder where it has them, else from the head, so that the card is a function of what the
    repo is going to hold. Raises UserError where there is no training record.
    """
    training = record_bytes(folder, head, TRAINING_RECORD)
    prompt = record_bytes(folder, head, PROMPT_FILE)
    if training is None or prompt is None:
        raise UserError(
            f"model {repo} has no {TRAINING_RECORD} and {PROMPT_FILE}: expected an adapter that `titlecraft train` published"
        )
    record = read_record(training, TrainingRecord, f"{TRAINING_RECORD} of {repo}")
    # an adapter that is new in the folder takes the place of the one in the head, and of its reports
    there = None if (folder / TRAINING_RECORD).is_file() else head
    report = choose_report(reports(folder, there, repo), training)
    text = render(repo, PromptFormat.from_json(prompt, f"{PROMPT_FILE} of {repo}"), record, report)
    (folder / "README.md").write_text(text, encoding="utf-8")


def reports(folder: Path, head: Pin | None, repo: str) -> list[EvaluationRecord]:
    """Every report of the folder and of the head; of one id, the folder's. Reports of older versions are passed over."""
    pattern = f"evaluation/*/{REPORT}"
    found = {file.parent.name: file for file in download(head, [pattern]).glob(pattern)} if head else {}
    found |= {file.parent.name: file for file in folder.glob(pattern)}
    return [
        read_record(raw, EvaluationRecord, f"{REPORT} of {repo}")
        for _, raw in sorted((name, file.read_bytes()) for name, file in found.items())
        if has_schema(raw, EvaluationRecord)
    ]


def choose_report(found: list[EvaluationRecord], training: bytes) -> EvaluationRecord | None:
    """The report that the card shows: about the very adapter of this training record, on the most titles; then by id."""
    fitting = [one for one in found if read_file(one.adapter, TRAINING_RECORD) == training]
    return max(fitting, key=lambda one: (one.n, one.id), default=None)


def record_bytes(folder: Path, head: Pin | None, path: str) -> bytes | None:
    """A file from the folder, else from the repo's head, else None."""
    if (folder / path).is_file():
        return (folder / path).read_bytes()
    return read_file(head, path) if head else None

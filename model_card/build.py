"""titlecraft card NS/NAME: the card of an adapter repo, rendered anew from the records that lie in it."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from model_card.inputs import CardInputs, read_card_inputs
from model_card.metadata import metadata
from titlecraft.records import Pin, TrainingRecord
from titlecraft.settings import Training

__all__ = ["CardInputs", "read_card_inputs", "render", "write_card"]

EXAMPLE_TITLE = "Adult Ballet Tutu Yellow"


def render(inputs: CardInputs) -> str:
    """The whole card, front matter and text. Equal inputs give equal bytes."""
    repo, prompt, record, report = inputs.repo, inputs.prompt, inputs.training, inputs.report
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
    """Write README.md into a folder that is about to be published on top of `head`. Raises UserError."""
    (folder / "README.md").write_text(render(read_card_inputs(folder, head, repo)), encoding="utf-8")

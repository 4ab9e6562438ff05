"""titlecraft card NS/NAME: render the card of an adapter repo from the repo's records."""

import re
from functools import cache
from pathlib import Path

from huggingface_hub import ModelCardData
from jinja2 import Environment

from model_card.claims import RenderedClaim, claims_of
from model_card.inputs import CardInputs, read_card_inputs
from model_card.metadata import metadata, metrics_tags, owned
from titlecraft.cards.head_card import write_merged_card
from titlecraft.cards.merge import Owned, merge
from titlecraft.cards.templates import markdown_templates
from titlecraft.hub.pins import read_file
from titlecraft.records import TRAINING_RECORD, Pin, TrainingRecord, has_schema, read_record

__all__ = ["CardInputs", "read_card_inputs", "render", "write_card"]

SHAPES = {"table": "| ", "list": "- "}  # how a line of a table and of a list begins
# claims that the template puts into a table of their own
SEPARATE = ("training.changed", "training.setting", "training.check", "evaluation.guard", "provenance.file")


def render(inputs: CardInputs) -> str:
    """The whole card, front matter and text. Equal inputs give equal bytes."""
    report = inputs.report
    blocks = report.blocks() if report else []
    lists = {"measure": report.measures, "sampled": report.sampled, "benchmark": report.also} if report else {}
    kinds = {id(measure): kind for kind, measures in lists.items() for measure in measures}
    blocks_of_claims = [
        (heading, [f"evaluation.{kinds[id(measure)]}[{measure.name}]" for measure in measures])
        for heading, measures in blocks
    ]
    return fill(
        "adapter_card.md.jinja",
        metadata(inputs),
        claims_of(inputs),
        name=inputs.repo.split("/")[1],
        blocks=blocks_of_claims,
        fence=fence_for(inputs.prompt.render_title("{title}")),
    )


@cache  # with its compiled templates
def environment() -> Environment:
    """The templates of model cards."""
    return markdown_templates("model_card")


def fill(template: str, data: ModelCardData, rendered: list[RenderedClaim], **words: object) -> str:
    """The card that a template gives, without text that people added.

    The template gets its sentences from three functions: `claim(id)`, `family(id)` for all claims whose id begins so, and
    `rows(section, shape)` for the other claims of a section.
    """
    sentences = {claim.id: claim.sentence for claim in rendered}

    def family(id: str, between: str = "\n") -> str:
        return between.join(claim.sentence for claim in rendered if claim.id.split("[")[0].startswith(id))

    def rows(section: str, shape: str) -> str:
        claims = [claim for claim in rendered if claim.section == section and not claim.id.startswith(SEPARATE)]
        return "\n".join(claim.sentence for claim in claims if claim.sentence.startswith(SHAPES[shape]))

    body = (
        environment()
        .get_template(template)
        .render(claim=lambda id: sentences.get(id, ""), family=family, rows=rows, **words)
    )
    return merge(None, f"---\n{data.to_yaml()}\n---\n\n{body}", Owned())


def fence_for(text: str) -> str:
    """A code fence that is longer than any run of backticks in the text."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def write_card(folder: Path, repo: str, head: Pin | None) -> None:
    """Write README.md into a folder that is about to be published on top of `head`; text that people added is kept.

    Raises UserError as `read_card_inputs` and `write_merged_card` do.
    """
    generated = render(read_card_inputs(folder, head, repo))
    write_merged_card(folder, repo, head, generated, owned(*earlier_values(head)))


def earlier_values(head: Pin | None) -> tuple[list[str], list[str]]:
    """The dataset and the tags of the head's adapter. The card's metadata have them, and a new adapter's card may have to drop them."""
    raw = read_file(head, TRAINING_RECORD) if head else None
    if raw is None or not has_schema(raw, TrainingRecord):
        return [], []
    record = read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {head}")
    return [record.dataset.repo], metrics_tags(record)

"""titlecraft card NS/NAME: the card of an adapter repo, rendered anew from the records that lie in it."""

import re
from pathlib import Path

from huggingface_hub import ModelCardData

from model_card.claims import Said, claims_of
from model_card.inputs import CardInputs, read_card_inputs
from model_card.metadata import metadata, owned
from titlecraft.cards.merge import Owned, merge
from titlecraft.cards.templates import markdown_templates
from titlecraft.hub.pins import read_file
from titlecraft.records import TRAINING_RECORD, Pin, TrainingRecord, has_schema, read_record
from titlecraft.records.repo_files import CARD

__all__ = ["CardInputs", "read_card_inputs", "render", "write_card"]

SHAPES = {"table": "| ", "list": "- "}  # how lines of a table and of a list begin
# families that stand in a place of their own
APART = ("training.changed", "training.setting", "training.check", "evaluation.guard", "provenance.file")


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


def fill(template: str, data: ModelCardData, said: list[Said], **words: object) -> str:
    """A template with the sentences of claims: `claim(id)`, `family(id)` of one kind, `rows(section, shape)` of the others."""
    environment = markdown_templates("model_card")
    sentences = {one.id: one.sentence for one in said}

    def family(id: str, between: str = "\n") -> str:
        return between.join(one.sentence for one in said if one.id.split("[")[0].startswith(id))

    def rows(section: str, shape: str) -> str:
        mine = [one for one in said if one.section == section and not one.id.startswith(APART)]
        return "\n".join(one.sentence for one in mine if one.sentence.startswith(SHAPES[shape]))

    body = environment.get_template(template).render(
        claim=lambda id: sentences.get(id, ""), family=family, rows=rows, **words
    )
    return merge(None, f"---\n{data.to_yaml()}\n---\n\n{body}", Owned())


def fence_for(text: str) -> str:
    """A code fence that the text cannot end."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def write_card(folder: Path, repo: str, head: Pin | None) -> None:
    """Write README.md into a folder that is about to be published on top of `head`.

    What a person wrote into the head's card stays. Raises UserError, as `read_card_inputs` and `merge` do.
    """
    generated = render(read_card_inputs(folder, head, repo))
    existing = read_file(head, CARD) if head else None
    text = existing.decode("utf-8", errors="replace") if existing is not None else None
    merged = merge(text, generated, owned(earlier_datasets(head)), f"{CARD} of {repo}")
    (folder / CARD).write_text(merged, encoding="utf-8", newline="\n")


def earlier_datasets(head: Pin | None) -> list[str]:
    """The dataset that the head's adapter was trained on: ours in its card, and stale if the new one has another."""
    raw = read_file(head, TRAINING_RECORD) if head else None
    if raw is None or not has_schema(raw, TrainingRecord):
        return []
    return [read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {head}").dataset.repo]

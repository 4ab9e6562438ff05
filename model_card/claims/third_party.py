"""The claims of a third-party adapter's card: facts from its files, and "unknown" for everything else."""

from typing import Any

from model_card.claims.claim import FORMATS, Claim
from model_card.claims.provenance import readable_link

UNKNOWN = "unknown"


def row(id: str, name: str, value: str, fields: dict[str, str], otherwise: str = UNKNOWN) -> Claim:
    """A row of the table of facts."""
    return Claim(
        f"third_party.{id}", "third_party", f"| {name} | {value} |", fields, otherwise=f"| {name} | {otherwise} |"
    )


def as_items(values: dict[str, Any]) -> dict[str, Any] | None:
    """A list of texts as items of a list; None if there are none."""
    return {"items": "\n".join(f"- {FORMATS['cell'](text)}." for text in values["list"])} if values["list"] else None


def as_cells(values: dict[str, Any]) -> dict[str, Any]:
    """A list of untrusted texts, escaped for a table cell."""
    texts = values["list"] if isinstance(values["list"], list) else [values["list"]]
    return {"cells": ", ".join(FORMATS["cell"](text) for text in texts)}


THIRD_PARTY = (
    Claim("summary.base", "summary", "An adapter for [{base}](/{base}).", {"base": "base.repo"},
          otherwise="An adapter; its base model is unknown."),
    Claim("quick-start.base", "quick-start",
          'base = AutoModelForCausalLM.from_pretrained(\n    "{base}", revision="{revision}", trust_remote_code=False\n)',
          {"base": "base.repo", "revision": "base.revision"}),
    Claim("quick-start.adapter", "quick-start", 'model = PeftModel.from_pretrained(base, "{repo}", revision="{revision}")',
          {"repo": "repo.id", "revision": "repo.revision"}),
    Claim("quick-start.unpinned", "quick-start", "", {"named": "base.named"},
          otherwise="The commit of the base model that it was trained on is unknown; the commit above was the newest when this card was written."),
    row("base", "base model, from `adapter_config.json`", "{name:cell}", {"name": "adapter.base_model_name_or_path"}),
    row("base-revision", "commit of the base model", "{revision:cell}", {"revision": "base.named"}),
    row("kind", "adapter type", "{kind:cell}", {"kind": "adapter.peft_type"}),
    row("task", "task", "{task:cell}", {"task": "adapter.task_type"}),
    row("rank", "rank r", "{r:cell}", {"r": "adapter.r"}),
    row("alpha", "alpha", "{alpha:cell}", {"alpha": "adapter.lora_alpha"}),
    row("dropout", "dropout", "{dropout:cell}", {"dropout": "adapter.lora_dropout"}),
    Claim("third_party.targets", "third_party", "| target modules | {cells} |", {"list": "adapter.target_modules"},
          otherwise=f"| target modules | {UNKNOWN} |", derive=as_cells),
    row("peft", "PEFT version", "{version:cell}", {"version": "adapter.peft_version"}),
    row("parameters", "parameters, from the file header", "{parameters:,} in {tensors:,} tensors ({types})",
        {"parameters": "weights.parameters", "tensors": "weights.tensors", "types": "weights.types"}),
    row("ranks", "rank, from the shapes of the tensors", "{ranks}", {"ranks": "weights.ranks"}),
    row("bos", "BOS token, from `tokenizer_config.json`", "{token:cell}", {"token": "tokens.bos"}),
    row("eos", "EOS token", "{token:cell}", {"token": "tokens.eos"}),
    row("pad", "padding token", "{token:cell}", {"token": "tokens.pad"}),
    Claim("third_party.kinds", "kinds", "{items}", {"list": "adapter.kinds"}, derive=as_items),
    Claim("third_party.not-served", "kinds", "Programs that serve an adapter beside its base:\n\n{items}", {"list": "adapter.not_served"}, derive=as_items),
    Claim("third_party.unusable", "kinds", "`titlecraft evaluate` cannot measure it: {why:cell}.", {"why": "adapter.unusable"}),
    Claim("third_party.pickle", "pickle", "**Its weights are a pickle file (`{file}`), which can run code when it is loaded.** Titlecraft did not load it.",
          {"file": "repo.unsafe"}),
    Claim("data.named", "data", "According to its present card, not checked: {cells}.", {"list": "old.datasets"},
          otherwise="Unknown. The present card names no dataset.", derive=as_cells),
    Claim("evaluation.claimed", "evaluation",
          "Entries in the `model-index` of the present card: {results:,}. They were not checked and are not repeated here.",
          {"results": "old.results"}),
    Claim("licence.base", "licence", "`{licence:code}`, according to the card of the base model [{base}](/{base}).",
          {"licence": "base.licence.id", "base": "base.repo"}, otherwise="**Unknown.** The licence of the base model could not be read."),
    Claim("licence.link", "licence", "Licence text: {shown}.", {"link": "base.licence.link"}, derive=readable_link),
    Claim("licence.why", "licence", "Reason: {why:cell}", {"why": "base.warning"}),
    Claim("licence.old", "licence", "The present card states {licence:cell}; not checked.", {"licence": "old.license"},
          otherwise="The present card states none."),
)  # fmt: skip

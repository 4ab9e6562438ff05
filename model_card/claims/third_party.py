"""What may be said of an adapter that somebody else made: its files' facts; all else is unknown, and the card says so."""

from typing import Any

from model_card.claims.provenance import readable_link
from model_card.claims.saying import FORMATS, Claim

UNKNOWN = "unknown"


def row(id: str, name: str, value: str, fields: dict[str, str], otherwise: str = UNKNOWN) -> Claim:
    """A row of the table of what can be read."""
    return Claim(
        f"third_party.{id}", "third_party", f"| {name} | {value} |", fields, otherwise=f"| {name} | {otherwise} |"
    )


def as_cells(values: dict[str, Any]) -> dict[str, Any]:
    """Lists of strangers' texts as text of a table."""
    listed = values["list"] if isinstance(values["list"], list) else [values["list"]]
    return {"cells": ", ".join(FORMATS["cell"](one) for one in listed)}


FOREIGN = (
    Claim("summary.base", "summary", "An adapter for [{base}](/{base}).", {"base": "base.repo"},
          otherwise="An adapter; its base model is unknown."),
    Claim("quick-start.base", "quick-start",
          'base = AutoModelForCausalLM.from_pretrained(\n    "{base}", revision="{revision}", trust_remote_code=False\n)',
          {"base": "base.repo", "revision": "base.revision"}),
    Claim("quick-start.adapter", "quick-start", 'model = PeftModel.from_pretrained(base, "{repo}", revision="{revision}")',
          {"repo": "repo.id", "revision": "repo.revision"}),
    Claim("quick-start.unpinned", "quick-start", "", {"named": "base.named"},
          otherwise="Which commit of the base it was trained on is unknown; the one above was the newest when this was written."),
    row("base", "base model, as `adapter_config.json` names it", "{name:cell}", {"name": "adapter.base_model_name_or_path"}),
    row("base-revision", "commit of the base that it was trained on", "{revision:cell}", {"revision": "base.named"}),
    row("kind", "kind of adapter", "{kind:cell}", {"kind": "adapter.peft_type"}),
    row("task", "task", "{task:cell}", {"task": "adapter.task_type"}),
    row("rank", "rank r", "{r:cell}", {"r": "adapter.r"}),
    row("alpha", "alpha", "{alpha:cell}", {"alpha": "adapter.lora_alpha"}),
    row("dropout", "dropout", "{dropout:cell}", {"dropout": "adapter.lora_dropout"}),
    Claim("third_party.targets", "third_party", "| layers with an update | {cells} |", {"list": "adapter.target_modules"},
          otherwise=f"| layers with an update | {UNKNOWN} |", derive=as_cells),
    row("peft", "PEFT version", "{version:cell}", {"version": "adapter.peft_version"}),
    row("parameters", "parameters of the adapter, counted in its file", "{parameters:,} in {tensors:,} tensors ({types})",
        {"parameters": "weights.parameters", "tensors": "weights.tensors", "types": "weights.types"}),
    row("ranks", "rank, by the shapes in its file", "{ranks}", {"ranks": "weights.ranks"}),
    row("bos", "begin of text (BOS), by `tokenizer_config.json`", "{token:cell}", {"token": "tokens.bos"}),
    row("eos", "end of text (EOS)", "{token:cell}", {"token": "tokens.eos"}),
    row("pad", "padding", "{token:cell}", {"token": "tokens.pad"}),
    Claim("third_party.pickle", "pickle", "**Its weights are a pickle (`{file}`), which can run code when it is opened.** It was not opened.",
          {"file": "repo.unsafe"}),
    Claim("data.named", "data", "Named by the old card, not checked: {cells}.", {"list": "old.datasets"},
          otherwise="Data: unknown. The old card names no dataset.", derive=as_cells),
    Claim("evaluation.claimed", "evaluation",
          "Entries in the `model-index` of the old card: {results:,}. None was checked, and none is repeated here.",
          {"results": "old.results"}),
    Claim("licence.base", "licence", "`{licence:code}`, as the card of the base model [{base}](/{base}) states it.",
          {"licence": "base.licence.id", "base": "base.repo"}, otherwise="**Unknown.** No licence of the base model could be read."),
    Claim("licence.link", "licence", "Its text: {shown}.", {"link": "base.licence.link"}, derive=readable_link),
    Claim("licence.why", "licence", "What stood in the way: {why:cell}", {"why": "base.warning"}),
    Claim("licence.old", "licence", "The old card states {licence:cell}; not checked.", {"licence": "old.license"},
          otherwise="The old card states none."),
)  # fmt: skip

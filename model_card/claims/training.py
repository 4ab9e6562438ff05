"""What it was trained on, how, and at what cost: rows of tables, most of them."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from model_card.claims.claim import NOT_MEASURED, Claim
from titlecraft.models.base.quantisation import in_words
from titlecraft.records import is_ruinous
from titlecraft.settings import Base, Generation, Lora, Training

EXAMPLES, COST = "training.examples", "training.measured"
SECTIONS = {"base_settings": Base(), "lora": Lora(), "training": Training(), "generation": Generation()}


def row(id: str, section: str, name: str, value: str, fields: dict[str, str], unknown: str = "") -> Claim:
    """A row of a table of two columns; `unknown` stands in the second where a field is missing."""
    return Claim(id, section, f"| {name} | {value} |", fields, otherwise=f"| {name} | {unknown} |" if unknown else "")


def differing_from(defaults: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """Nothing for a setting that has its default value."""

    def differing(values: dict[str, Any]) -> dict[str, Any] | None:
        default = "not set" if defaults[values["key"]] is None else defaults[values["key"]]
        return None if values["value"] == default else {"default": default}

    return differing


def several_parts(values: dict[str, Any]) -> dict[str, Any] | None:
    """Only a run that was interrupted has anything to say here."""
    return {} if values["parts"] > 1 else None


def where_it_ruins(values: dict[str, Any]) -> dict[str, Any] | None:
    """How many times worse, where the adapter makes answers less likely by an order of magnitude; else nothing."""
    if not is_ruinous(values["before"], values["after"]):
        return None
    return {"times": f"{values['after'] / values['before']:,.0f} times" if values["before"] else "more than ten times"}


def only_where_unchanged(values: dict[str, Any]) -> dict[str, Any] | None:
    """Nothing where the adapter changes the logits, as it should."""
    return None if values["changes"] else {}


def only_where_skipped(values: dict[str, Any]) -> dict[str, Any] | None:
    """Nothing where every step changed the weights."""
    return {} if values["skipped"] else None


def of_split(values: dict[str, Any]) -> dict[str, Any]:
    """The rows of the training split, those that were left out with them, and the share of it that was seen."""
    rows = values["used"] + values["left"]
    return {"rows": rows, "share": values.get("seen", 0) / rows if rows else 0.0}


DATA = (
    row("data.dataset", "data", "dataset", "[{repo}](/datasets/{repo}) at `{revision}`",
        {"repo": "training.dataset.repo", "revision": "training.dataset.revision"}),
    row("data.published", "data", "rows in the dataset, all splits", "{rows:,}", {"rows": "dataset.published"},
        "not known: the dataset has no record that this version reads"),
    Claim("data.available", "data", "| rows in its training split | {rows:,} |",
          {"used": f"{EXAMPLES}.available", "left": f"{EXAMPLES}.left_out"}, derive=of_split),
    row("data.seen", "data", "**rows that the adapter really saw**", "**{seen:,}** ({distinct:,} different ones)",
        {"seen": f"{EXAMPLES}.seen", "distinct": f"{EXAMPLES}.distinct_seen"}),
    Claim("data.share", "data", "| share of the training split that it saw | {share:percent} |",
          {"seen": f"{EXAMPLES}.distinct_seen", "used": f"{EXAMPLES}.available", "left": f"{EXAMPLES}.left_out"},
          derive=of_split),
    row("data.tokens", "data", "tokens that it saw", "{tokens:,}, of them {answers:,} in answers",
        {"tokens": f"{EXAMPLES}.tokens_seen", "answers": f"{EXAMPLES}.completion_tokens_seen"}),
    row("data.padding", "data", "padding among the computed tokens", "{share:percent}", {"share": f"{EXAMPLES}.padding_share"},
        "not counted"),
    row("data.truncated", "data", "answers cut at the end, too long", "{rows:,}", {"rows": f"{EXAMPLES}.truncated"}),
    row("data.left-out", "data", "rows left out, prompt too long", "{rows:,}", {"rows": f"{EXAMPLES}.left_out"}),
    Claim("data.leakage", "data",
          "- {key} split: of its {rows:,} rows, a title that the training split has as well: {shared_titles:,}. A description: {shared_outputs:,}.",
          {"rows": "*.rows", "shared_titles": "*.shared_titles", "shared_outputs": "*.shared_outputs"},
          each="dataset.leakage"),
    Claim("data.near-leakage", "data", "- {key} split: nearly the description of a training row: {near:,}.",
          {"near": "*.near_duplicates"}, each="dataset.leakage",
          otherwise="- {key} split: near-duplicates of training rows: not measured."),
    Claim("data.near-measured", "data",
          "- {key} split: near-duplicates were looked for in {measured:,} of its {rows:,} rows; the others have too few words, or no "
          "spaces between them.",
          {"measured": "*.near_measured", "rows": "*.rows"}, each="dataset.leakage",
          derive=lambda values: None if values["measured"] == values["rows"] else {}),
    Claim("data.no-leakage", "data", "- Overlap of the splits: measured when the dataset was built, see its card.",
          {"splits": "dataset.leakage"}, otherwise="- Overlap of the splits: not measured.",
          derive=lambda values: None),
    Claim("data.excluded", "data", "- test rows left out of the evaluation, {reason}: {count:,}.", {"count": "*"},
          each="report.excluded", derive=lambda values: {"reason": values["key"].replace("_", " ")}),
    Claim("data.near-not-looked-for", "data",
          "- test rows whose description has no spaces between words, so that near copies in the training split were not looked for: "
          "{count:,}.", {"count": "report.near_not_looked_for"}),
    Claim("data.available-titles", "data",
          "- test rows left to draw from: {available:,}. None of them has a title or a description of the training split.",
          {"available": "report.titles_available", "excluded": "report.excluded"}),
)  # fmt: skip

EFFECT = {
    "split": "training.effect.split",
    "rows": "training.effect.rows",
    "before": "training.effect.nll_base",
    "after": "training.effect.nll_adapter",
}

# in the box at the top of the card, where nobody can miss it
WARNINGS = (
    Claim("result.no-effect", "result", "> **The adapter changes nothing:** after training, an example's logits are those of the base, bit for bit.",
          {"changes": "training.effect.changes_logits"}, derive=only_where_unchanged),
    Claim("result.ruins", "result",
          "> **The adapter makes the model worse by an order of magnitude:** on {rows:,} rows of the `{split}` split the loss is {before:short} nats "
          "per answer token without it and {after:short} with it, {times} as much.",
          EFFECT, derive=where_it_ruins),
)  # fmt: skip

HOW = (
    *(Claim(f"training.changed-{name}", "training", "| " + name.removesuffix("_settings") + ".{key} | {value} | {default} |", {"value": "*"},
            each=f"training.{name}", derive=differing_from(asdict(defaults))) for name, defaults in SECTIONS.items()),
    *(Claim(f"training.setting-{name}", "training", "| " + name.removesuffix("_settings") + ".{key} | {value} |", {"value": "*"},
            each=f"training.{name}") for name in SECTIONS),
    Claim("training.lora", "training",
          "LoRA of rank {r}, alpha {alpha}, dropout {dropout}, on {modules}: {trained:,} trained parameters beside the "
          "{base:,} of the base.",
          {"r": "training.lora.r", "alpha": "training.lora.alpha", "dropout": "training.lora.dropout",
           "modules": "training.lora.target_modules", "trained": "training.trainable_parameters",
           "base": "training.base_parameters"}),
    Claim("training.steps", "training", "{steps:,} optimizer steps, {epochs:short} epochs, computed in {precision}; the base's weights: "
          "{weights}.",
          {"steps": "training.steps", "epochs": "training.epochs", "precision": "training.precision",
           "weights": "training.quantization"},
          derive=lambda values: {"weights": in_words(values["weights"])}),
    Claim("training.loss", "training", "Training loss: {first:short} over the first tenth of the logged steps, {last:short} over the last, in "
          "nats per answer token.",
          {"first": "training.loss.first", "last": "training.loss.last"}),
    Claim("training.effect", "training", "Loss on {rows:,} rows of the `{split}` split, drawn with the training's seed: {before:short} without the "
          "adapter, {after:short} with it, in nats per answer token. This shows whether it learned, and is no evaluation.",
          EFFECT),
    Claim("training.optimizer", "training", "AdamW with betas {beta1} and {beta2} and epsilon {epsilon}; gradients are scaled down to a norm of at "
          "most {norm}.",
          {"beta1": "training.optimizer.beta1", "beta2": "training.optimizer.beta2", "epsilon": "training.optimizer.epsilon",
           "norm": "training.optimizer.max_grad_norm"}),
    Claim("training.skipped", "training", "Of these steps, {skipped:,} changed nothing: their gradients overflowed in float16.",
          {"skipped": "training.skipped_steps"}, derive=only_where_skipped),
    Claim("training.plot", "training", "![Training loss over {steps:,} optimizer steps, from {first:short} to {last:short} nats per answer token]({plot})",
          {"steps": "training.steps", "first": "training.loss.first", "last": "training.loss.last",
           "plot": "repo.files[assets/training_loss.png]"}),
    Claim("training.quantization-note", "training", "{note}", {"note": "training.quantization_note"}),
    Claim("training.template-note", "training", "{note}", {"note": "training.template_note"}),
    Claim("training.memory-note", "training", "{note}", {"note": "training.memory_note"}),
    Claim("training.router-note", "training", "{note}", {"note": "training.router_note"}),
    Claim("training.check", "training", "| {key} | {expected:cell} | {found:cell} |", {"expected": "*.expected", "found": "*.found"},
          each="training.checks"),
)  # fmt: skip

SPENT = (
    row("cost.device", "cost", "device", "{devices} × {device}", {"devices": f"{COST}.devices", "device": f"{COST}.device"}),
    row("cost.time", "cost", "time", "{seconds:,} s", {"seconds": f"{COST}.wall_seconds"}),
    row("cost.speed", "cost", "speed", "{speed:,} tokens a second", {"speed": f"{COST}.tokens_per_second"}),
    Claim("cost.parts", "cost", "| interrupted | it ran in {parts} parts |", {"parts": f"{COST}.parts"}, derive=several_parts),
    row("cost.gpu-memory", "cost", "GPU memory, peak", "{gb} GB", {"gb": f"{COST}.peak_gpu_memory_gb"}, NOT_MEASURED),
    row("cost.memory", "cost", "memory of the process, peak", "{gb} GB", {"gb": f"{COST}.peak_process_memory_gb"}, NOT_MEASURED),
    row("cost.energy", "cost", "energy", "{kwh} kWh, {parts} only, read from the meter while training ({by})",
        {"kwh": f"{COST}.energy_kwh", "parts": f"{COST}.energy_of", "by": f"{COST}.energy_by"}, NOT_MEASURED),
    row("cost.co2", "cost", "CO₂ equivalents", "{grams:short} g, with the grid of {country}",
        {"grams": f"{COST}.co2_eq_grams", "country": f"{COST}.country", "kwh": f"{COST}.energy_kwh"}, NOT_MEASURED),
)  # fmt: skip

TRAINING = (*WARNINGS, *DATA, *HOW, *SPENT)

"""Claims of the card's sections data, training, and memory, time, energy."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from model_card.claims.adapter_kind import init_sentence, variant_sentence
from model_card.claims.claim import NOT_MEASURED, Claim
from model_card.claims.validation import CLAIMS_OF_VALIDATION
from titlecraft.models.base.quantisation import in_words
from titlecraft.records import is_ruinous
from titlecraft.settings import Base, Generation, Lora, Training

EXAMPLES, COST = "training.examples", "training.measured"
SECTIONS = {"base_settings": Base(), "lora": Lora(), "training": Training(), "generation": Generation()}

IN_ITS_OWN_ROW = ("target_modules",)


def row(id: str, section: str, name: str, value: str, fields: dict[str, str], unknown: str = "") -> Claim:
    """A row of a table with two columns; the second is `unknown` if a field is missing."""
    return Claim(id, section, f"| {name} | {value} |", fields, otherwise=f"| {name} | {unknown} |" if unknown else "")


def differing_from(defaults: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """A `derive` that gives the default of a setting, or None if the setting has its default."""

    def differing(values: dict[str, Any]) -> dict[str, Any] | None:
        if values["key"] in IN_ITS_OWN_ROW:
            return None
        default = "not set" if defaults[values["key"]] is None else defaults[values["key"]]
        return None if values["value"] == default else {"default": default}

    return differing


def several_parts(values: dict[str, Any]) -> dict[str, Any] | None:
    """None unless the run was interrupted."""
    return {} if values["parts"] > 1 else None


def where_it_ruins(values: dict[str, Any]) -> dict[str, Any] | None:
    """How many times larger the loss is with the adapter; None unless it is an order of magnitude larger."""
    if not is_ruinous(values["before"], values["after"]):
        return None
    return {"times": f"{values['after'] / values['before']:,.0f} times" if values["before"] else "more than ten times"}


def only_where_unchanged(values: dict[str, Any]) -> dict[str, Any] | None:
    """None if the adapter changes the logits, as it should."""
    return None if values["changes"] else {}


def only_where_skipped(values: dict[str, Any]) -> dict[str, Any] | None:
    """None if every step changed the weights."""
    return {} if values["skipped"] else None


def of_split(values: dict[str, Any]) -> dict[str, Any]:
    """The size of the training split, with skipped rows, and the share of it that was seen."""
    rows = values["used"] + values["left"]
    return {"rows": rows, "share": values.get("seen", 0) / rows if rows else 0.0}


def drawn_or_published(values: dict[str, Any]) -> dict[str, Any]:
    """Where the splits of a dataset come from that Titlecraft did not build."""
    drawn = sorted(values["drawn"])
    if not drawn:
        return {"splits": "The splits are its authors', and whether they share rows is not known"}
    shares = " and ".join(f"{name} ({values['drawn'][name]:.3g})" for name in drawn)
    return {
        "splits": f"Shares of its training split were drawn by a keyed hash as {shares}; rows with the same question or answer are "
        "in one split"
    }


DATA = (
    row("data.dataset", "data", "dataset", "[{repo}](/datasets/{repo}) at `{revision}`",
        {"repo": "training.dataset.repo", "revision": "training.dataset.revision"}),
    row("data.read-as", "data", "rows read as", "{format}: {columns}",
        {"format": "training.rows.format", "columns": "training.rows.columns"}),
    row("data.published", "data", "rows in the dataset, all splits", "{rows:,}", {"rows": "dataset.published"},
        "unknown: the dataset has no record that this version of Titlecraft reads"),
    Claim("data.available", "data", "| rows in the training split | {rows:,} |",
          {"used": f"{EXAMPLES}.available", "left": f"{EXAMPLES}.left_out"}, derive=of_split),
    row("data.seen", "data", "**rows seen in training**", "**{seen:,}** ({distinct:,} distinct)",
        {"seen": f"{EXAMPLES}.seen", "distinct": f"{EXAMPLES}.distinct_seen"}),
    Claim("data.share", "data", "| share of the training split that was seen | {share:percent} |",
          {"seen": f"{EXAMPLES}.distinct_seen", "used": f"{EXAMPLES}.available", "left": f"{EXAMPLES}.left_out"},
          derive=of_split),
    row("data.tokens", "data", "tokens seen", "{tokens:,}, {answers:,} of them in answers",
        {"tokens": f"{EXAMPLES}.tokens_seen", "answers": f"{EXAMPLES}.completion_tokens_seen"}),
    row("data.padding", "data", "share of padding tokens", "{share:percent}", {"share": f"{EXAMPLES}.padding_share"},
        "not counted"),
    row("data.truncated", "data", "truncated answers", "{rows:,}", {"rows": f"{EXAMPLES}.truncated"}),
    row("data.left-out", "data", "rows left out because they are too long", "{rows:,}", {"rows": f"{EXAMPLES}.left_out"}),
    Claim("data.leakage", "data",
          "- {key} split, {rows:,} rows: {shared_titles:,} share their title with the training split, {shared_outputs:,} their description.",
          {"rows": "*.rows", "shared_titles": "*.shared_titles", "shared_outputs": "*.shared_outputs"},
          each="dataset.leakage"),
    Claim("data.near-leakage", "data", "- {key} split: {near:,} descriptions are near-duplicates of a training row.",
          {"near": "*.near_duplicates"}, each="dataset.leakage",
          otherwise="- {key} split: near-duplicates of training rows: not measured."),
    Claim("data.near-measured", "data",
          "- {key} split: the search for near-duplicates covers {measured:,} of its {rows:,} rows; the others have too few words, or no "
          "spaces between words.",
          {"measured": "*.near_measured", "rows": "*.rows"}, each="dataset.leakage",
          derive=lambda values: None if values["measured"] == values["rows"] else {}),
    Claim("data.not-built", "data",
          "- Titlecraft did not build this dataset: its source, and what its authors did to it, are not known. {splits}.",
          {"drawn": "training.rows.drawn"}, derive=drawn_or_published),
    Claim("data.no-leakage", "data", "- Overlap of the splits: see the dataset's card.",
          {"splits": "dataset.leakage"}, otherwise="- Overlap of the splits: not measured.",
          derive=lambda values: None),
    Claim("data.excluded", "data", "- test rows excluded from the evaluation, {reason}: {count:,}.", {"count": "*"},
          each="report.excluded", derive=lambda values: {"reason": values["key"].replace("_", " ")}),
    Claim("data.near-not-looked-for", "data",
          "- test rows that were not searched for near-duplicates, because their description has no spaces between words: {count:,}.", {"count": "report.near_not_looked_for"}),
    Claim("data.available-titles", "data",
          "- test rows available for the evaluation: {available:,}. None shares its title or description with the training split.",
          {"available": "report.titles_available", "excluded": "report.excluded"}),
)  # fmt: skip

EFFECT = {
    "split": "training.effect.split",
    "rows": "training.effect.rows",
    "before": "training.effect.nll_base",
    "after": "training.effect.nll_adapter",
}

# in the result box at the top of the card
WARNINGS = (
    Claim("result.no-effect", "result", "> **The adapter has no effect:** after training, an example's logits equal those of the base model, bit for bit.",
          {"changes": "training.effect.changes_logits"}, derive=only_where_unchanged),
    Claim("result.ruins", "result",
          "> **The adapter makes the model worse by an order of magnitude:** on {rows:,} rows of the `{split}` split, the loss is {before:short} nats "
          "per answer token without the adapter and {after:short} with it, {times} as much.",
          EFFECT, derive=where_it_ruins),
)  # fmt: skip

HOW = (
    *(Claim(f"training.changed-{name}", "training", "| " + name.removesuffix("_settings") + ".{key} | {value} | {default} |", {"value": "*"},
            each=f"training.{name}", derive=differing_from(asdict(defaults))) for name, defaults in SECTIONS.items()),
    *(Claim(f"training.setting-{name}", "training", "| " + name.removesuffix("_settings") + ".{key} | {value} |", {"value": "*"},
            each=f"training.{name}") for name in SECTIONS),
    Claim("training.lora", "training",
          "LoRA with rank {r}, alpha {alpha} and dropout {dropout} on {modules}: {trained:,} trainable parameters; the base model has "
          "{base:,}.",
          {"r": "training.lora.r", "alpha": "training.lora.alpha", "dropout": "training.lora.dropout",
           "modules": "training.lora.target_modules", "trained": "training.trainable_parameters",
           "base": "training.base_parameters"}),
    Claim("training.variant", "training", "{sentence}", {"variant": "training.lora.variant", "alpha": "training.lora.alpha", "r": "training.lora.r"},
          derive=variant_sentence),
    Claim("training.init", "training", "{sentence}", {"init": "training.lora.init", "r": "training.lora.r"}, derive=init_sentence),
    Claim("training.steps", "training", "{steps:,} optimizer steps ({epochs:short} epochs) in {precision}. Base model weights: "
          "{weights}.",
          {"steps": "training.steps", "epochs": "training.epochs", "precision": "training.precision",
           "weights": "training.quantization"},
          derive=lambda values: {"weights": in_words(values["weights"])}),
    Claim("training.loss", "training", "Training loss in nats per answer token: {first:short} (mean over the first 10 % of the logged steps), {last:short} (last 10 %).",
          {"first": "training.loss.first", "last": "training.loss.last"}),
    Claim("training.effect", "training", "Loss in nats per answer token on {rows:,} random rows of the `{split}` split: {before:short} without the "
          "adapter, {after:short} with it. This is a check of the training, not an evaluation.",
          EFFECT),
    Claim("training.optimizer", "training", "AdamW with betas {beta1} and {beta2} and epsilon {epsilon}; gradients are clipped to a norm of {norm}.",
          {"beta1": "training.optimizer.beta1", "beta2": "training.optimizer.beta2", "epsilon": "training.optimizer.epsilon",
           "norm": "training.optimizer.max_grad_norm"}),
    Claim("training.skipped", "training", "{skipped:,} of these steps were skipped, because their gradients overflowed in float16.",
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
    row("cost.speed", "cost", "throughput", "{speed:,} tokens/s", {"speed": f"{COST}.tokens_per_second"}),
    Claim("cost.parts", "cost", "| interrupted | ran in {parts} parts |", {"parts": f"{COST}.parts"}, derive=several_parts),
    row("cost.gpu-memory", "cost", "peak GPU memory", "{gb} GB", {"gb": f"{COST}.peak_gpu_memory_gb"}, NOT_MEASURED),
    row("cost.memory", "cost", "peak memory of the process", "{gb} GB", {"gb": f"{COST}.peak_process_memory_gb"}, NOT_MEASURED),
    row("cost.energy", "cost", "energy", "{kwh} kWh, {parts} only, metered during training ({by})",
        {"kwh": f"{COST}.energy_kwh", "parts": f"{COST}.energy_of", "by": f"{COST}.energy_by"}, NOT_MEASURED),
    row("cost.co2", "cost", "CO₂ equivalents", "{grams:short} g, for the electricity grid of {country}",
        {"grams": f"{COST}.co2_eq_grams", "country": f"{COST}.country", "kwh": f"{COST}.energy_kwh"}, NOT_MEASURED),
)  # fmt: skip

TRAINING = (*WARNINGS, *DATA, *HOW, *SPENT, *CLAIMS_OF_VALIDATION)

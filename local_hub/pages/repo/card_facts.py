"""The metadata of a card as chips and as a table of evaluation results.

Cards are untrusted: values of an unexpected type are skipped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# field, label of the chip, type of repo that the values name
_FIELDS = {
    "model": (
        ("pipeline_tag", "task", None),
        ("library_name", "library", None),
        ("base_model", "base model", "model"),
        ("datasets", "dataset", "dataset"),
        ("language", "language", None),
        ("license", "license", None),
        ("tags", "", None),
    ),
    "dataset": (
        ("task_categories", "task", None),
        ("size_categories", "rows", None),
        ("language", "language", None),
        ("license", "license", None),
        ("source_datasets", "source", "dataset"),
        ("tags", "", None),
    ),
    "space": (
        ("sdk", "sdk", None),
        ("models", "model", "model"),
        ("datasets", "dataset", "dataset"),
        ("license", "license", None),
        ("tags", "", None),
    ),
}
_MAX_CHIPS = 60
_MAX_TEXTS, _MAX_EVALUATIONS, _MAX_METRICS = 1000, 200, 200


@dataclass(frozen=True)
class Chip:
    """One value of the metadata: `license apache-2.0`. `href` is the page of the repo that it names, if it exists."""

    label: str
    text: str
    href: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """One result of a `model-index`: task, dataset, and the metrics as (name, value)."""

    task: str
    dataset: str
    split: str
    revision: str | None
    href: str | None  # page of the dataset at that revision, if it exists
    source: str | None
    metrics: list[tuple[str, Any]]


FindRepo = Callable[[str, str], str | None]  # (type, id or id@revision) -> address of its page, or None


def chips(card: dict[str, Any], repo_type: str, library: str | None, find_repo: FindRepo) -> list[Chip]:
    """The chips of a card. `library` is used if the card names no library."""
    facts = card if "library_name" in card or not library else {**card, "library_name": library}
    chips_ = []
    for field, label, names in _FIELDS[repo_type]:
        for text in texts(facts.get(field)):
            chips_.append(Chip(label, text, find_repo(names, text) if names else None))
    labelled = {chip.text for chip in chips_ if chip.label}
    return [chip for chip in dict.fromkeys(chips_) if chip.label or chip.text not in labelled][:_MAX_CHIPS]


def texts(value: Any) -> list[str]:
    """The values of a field as text, whether it is a list or a single value."""
    items = value[:_MAX_TEXTS] if isinstance(value, list) else [value]
    return [str(item)[:200] for item in items if isinstance(item, str | int | float) and str(item).strip()]


def evaluations(card: dict[str, Any], find_repo: FindRepo) -> list[Evaluation]:
    """The results of the card's `model-index` that have at least one metric."""
    results = [result for model in _objects(card.get("model-index")) for result in _objects(model.get("results"))]
    results = results[:_MAX_EVALUATIONS]
    return [evaluation for result in results if (evaluation := _evaluation(result, find_repo)).metrics]


def hub_results(items: list[dict[str, Any]], find_repo: FindRepo) -> list[Evaluation]:
    """The results in `.eval_results`, as `local_hub.repos.eval_results` reads them; invalid files are left out."""
    return [_hub_result(item["data"], find_repo) for item in items[:_MAX_EVALUATIONS] if "data" in item]


def _hub_result(data: dict[str, Any], find_repo: FindRepo) -> Evaluation:
    dataset = data["dataset"]
    metric = {"name": data.get("notes") or dataset["task_id"], "value": data["value"]}
    task = {"name": f"Benchmark {dataset['task_id']}"}
    named = {"type": dataset["id"], "revision": dataset.get("revision")}
    return _evaluation({"task": task, "dataset": named, "source": data.get("source"), "metrics": [metric]}, find_repo)


def _evaluation(result: dict[str, Any], find_repo: FindRepo) -> Evaluation:
    task, dataset, source = (_object(result.get(name)) for name in ("task", "dataset", "source"))
    revision = _text(dataset.get("revision"))
    at = f"@{revision}" if revision else ""
    url = _text(source.get("url")) or ""
    return Evaluation(
        task=_name(task),
        dataset=_name(dataset),
        split=_text(dataset.get("split")) or "",
        revision=revision,
        href=find_repo("dataset", (_text(dataset.get("type")) or "") + at),
        source=url if url.startswith(("http://", "https://", "/")) and not url.startswith("//") else None,
        metrics=[(_name(metric), metric.get("value")) for metric in _objects(result.get("metrics"))[:_MAX_METRICS]],
    )


def _name(thing: dict[str, Any]) -> str:
    return _text(thing.get("name")) or _text(thing.get("type")) or ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return str(value)[:200] if isinstance(value, str | int | float) else None

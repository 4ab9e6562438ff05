"""The metadata of a card (the YAML block of a README): reading, the Hub's checks, and the tags of a repo."""

import re
from typing import Any

from local_hub.errors import BadRequest
from local_hub.untrusted.data import BadData
from local_hub.untrusted.yaml_reader import read_yaml

CARD = "README.md"
_BLOCK = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)(?:^|\r?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_LIST_FIELDS = ("tags", "datasets", "metrics", "task_categories", "task_ids", "size_categories", "annotations_creators")
_STRING_FIELDS = ("license_name", "license_link", "library_name", "pipeline_tag", "sdk", "pretty_name", "title")
# fields whose values are tags themselves; the tags of other fields are `field:value`
_PLAIN_TAGS = ("tags", "language", "library_name", "pipeline_tag")
_PREFIXED_TAGS = {"datasets": "dataset", "license": "license", "base_model": "base_model"}
_DATASET_PREFIXES = ("task_categories", "task_ids", "size_categories", "annotations_creators", "source_datasets")


def split_card(text: str) -> tuple[str | None, str]:
    """(YAML block or None, the Markdown after it)."""
    match = _BLOCK.match(text.removeprefix("\ufeff"))
    return (match[1], text.removeprefix("\ufeff")[match.end() :]) if match else (None, text)


def parse_card(readme: bytes) -> dict[str, Any]:
    """The metadata of a card as JSON-compatible values; empty if there are none or they cannot be read."""
    block, _ = split_card(readme.decode("utf-8", errors="replace"))
    try:
        metadata = read_yaml(block) if block else None
    except BadData:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def check_card(readme: str, repo_type: str) -> tuple[list[str], list[str]]:
    """(errors, warnings) of a README, as `/api/validate-yaml` returns them. A commit with errors is refused."""
    block, _ = split_card(readme)
    if block is None:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        metadata = read_yaml(block, strict=True)
    except BadData as error:
        return [f"YAML metadata of the README cannot be read: {error}"], []
    if metadata is None:
        return [], ["empty or missing yaml metadata in repo card"]
    if not isinstance(metadata, dict):
        return ["YAML metadata of the README must be a mapping of names to values"], []
    return _check_fields(metadata, repo_type), []


def refuse_bad_card(readme: bytes, repo_type: str) -> None:
    """Raises BadRequest for a README with invalid metadata. Every upload of a README is checked here."""
    errors, _ = check_card(readme.decode("utf-8", errors="replace"), repo_type)
    if errors:
        raise BadRequest("Invalid metadata in README.md:\n- " + "\n- ".join(errors))


def _check_fields(metadata: dict, repo_type: str) -> list[str]:
    errors = []
    for name in _LIST_FIELDS:
        value = metadata.get(name)
        is_list = isinstance(value, list) and all(isinstance(item, str | int) for item in value)
        if value is not None and not is_list and (name == "tags" or not isinstance(value, str)):
            errors.append(f'"{name}" must be an array of strings')
    for name in _STRING_FIELDS:
        if metadata.get(name) is not None and not isinstance(metadata[name], str):
            errors.append(f'"{name}" must be a string')
    for name in ("license", "language", "base_model"):
        value = metadata.get(name)
        items = value if isinstance(value, list) else [value]
        # YAML reads the language code `no` as False
        if value is not None and not all(isinstance(item, str | bool) for item in items):
            errors.append(f'"{name}" must be a string or an array of strings')
    if repo_type == "model" and metadata.get("model-index") is not None:
        errors += _check_model_index(metadata["model-index"])
    return errors


def _check_model_index(index: Any) -> list[str]:
    if not isinstance(index, list):
        return ['"model-index" must be an array']
    errors = []
    for i, model in enumerate(index):
        where = f'"model-index[{i}]'
        if not isinstance(model, dict):
            errors.append(f'{where}" must be an object')
            continue
        if not isinstance(model.get("name"), str):
            errors.append(f'{where}.name" is required and must be a string')
        if not isinstance(model.get("results"), list):
            errors.append(f'{where}.results" is required and must be an array')
            continue
        for j, result in enumerate(model["results"]):
            errors += _check_result(result, f"{where}.results[{j}]")
    return errors


def _check_result(result: Any, where: str) -> list[str]:
    if not isinstance(result, dict):
        return [f'{where}" must be an object']
    errors = []
    for part, required in (("task", ("type",)), ("dataset", ("name", "type"))):
        value = result.get(part)
        if not isinstance(value, dict):
            errors += [f'{where}.{part}" is required'] if part == "task" or value is not None else []
            continue
        errors += [f'{where}.{part}.{name}" is required' for name in required if not isinstance(value.get(name), str)]
    metrics = result.get("metrics")
    if not isinstance(metrics, list):
        return [*errors, f'{where}.metrics" is required and must be an array']
    for k, metric in enumerate(metrics):
        if not isinstance(metric, dict) or not isinstance(metric.get("type"), str) or "value" not in metric:
            errors.append(f'{where}.metrics[{k}]" needs a "type" and a "value"')
    return errors


def tags_of(metadata: dict[str, Any], repo_type: str) -> list[str]:
    """The tags of a repo: those of `tags` and those derived from other fields."""
    tags: list[str] = []
    for name in ("library_name", "pipeline_tag", "tags", "language"):
        tags += [item for item in _as_list(metadata.get(name)) if name != "language" or len(item) < 20]
    for name, prefix in _PREFIXED_TAGS.items():
        tags += [f"{prefix}:{item}" for item in _as_list(metadata.get(name))]
    if repo_type == "dataset":
        for name in _DATASET_PREFIXES:
            tags += [f"{name}:{item}" for item in _as_list(metadata.get(name))]
        tags += [f"language:{item}" for item in _as_list(metadata.get("language"))]
    return list(dict.fromkeys(tags))


def _as_list(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items if isinstance(item, str | int | float) and item != ""]

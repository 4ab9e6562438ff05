"""The evaluation results in `.eval_results/*.yaml` of a model repo, as the API returns them for `expand=evalResults`.

The fields are those that huggingface_hub's `eval_result_entries_to_yaml` writes.
"""

import re
from typing import Any

from local_hub.errors import EntryNotFound
from local_hub.repos.entry import Entry
from local_hub.repos.repository import Repository
from local_hub.untrusted.data import BadData
from local_hub.untrusted.yaml_reader import read_yaml

FOLDER = ".eval_results"
_MAX_BYTES = 2**20
_REVISION = re.compile("[0-9a-f]{40}")
_TEXTS = ("verifyToken", "date", "notes")


def eval_results(repo: Repository, commit: str) -> list[dict[str, Any]]:
    """One item for each entry, {"filename", "data"}, and one for each invalid file, {"filename", "error"}."""
    try:
        entries = repo.tree(commit, FOLDER)
    except EntryNotFound:
        return []
    items = []
    for entry in entries:
        if entry.path.endswith(".yaml"):
            try:
                items += [{"filename": entry.path, "data": result} for result in _results(repo, entry)]
            except (BadData, EntryNotFound) as error:
                items.append({"filename": entry.path, "error": str(error)})
    return items


def _results(repo: Repository, entry: Entry) -> list[dict[str, Any]]:
    if entry.size > _MAX_BYTES:
        raise BadData(f"it is longer than {_MAX_BYTES:,} bytes")
    results = read_yaml(repo.content(entry).decode("utf-8", errors="replace"), strict=True)
    if not isinstance(results, list):
        raise BadData("it must be a list of results")
    for number, result in enumerate(results, 1):
        _check(result, f"result {number}")
    return results


def _check(result: Any, where: str) -> None:
    """Raise BadData if a required field is missing or a field has another type."""
    dataset = result.get("dataset") if isinstance(result, dict) else None
    if not isinstance(dataset, dict):
        raise BadData(f"{where}: `dataset` is required, with `id` and `task_id`")
    for name in ("id", "task_id"):
        if not isinstance(dataset.get(name), str) or not dataset[name]:
            raise BadData(f"{where}: `dataset.{name}` must be a text")
    revision = dataset.get("revision")
    if revision is not None and not (isinstance(revision, str) and _REVISION.fullmatch(revision)):
        raise BadData(f"{where}: `dataset.revision` must be a commit of 40 hexadecimal digits")
    value = result.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadData(f"{where}: `value` must be a number")
    for name in _TEXTS:
        if not isinstance(result.get(name, ""), str):
            raise BadData(f"{where}: `{name}` must be a text")
    source = result.get("source")
    if source is not None and not (isinstance(source, dict) and isinstance(source.get("url"), str)):
        raise BadData(f"{where}: `source` needs `url`")

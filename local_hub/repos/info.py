"""The fields of a repo in the API (`/api/models/ID`, `/api/datasets/ID`, `/api/spaces/ID`), all or by `expand`."""

import threading
from contextlib import suppress
from typing import Any

from local_hub.errors import EntryNotFound
from local_hub.repos.entry import Entry
from local_hub.repos.eval_results import eval_results
from local_hub.repos.history import summarize
from local_hub.repos.repository import Repository
from local_hub.untrusted.card_metadata import parse_card, split_card, tags_of
from local_hub.untrusted.data import BadData, read_json_object
from local_hub.untrusted.safetensors_header import read_header

# the metadata are at the start of a README and much shorter than this
_MAX_README_BYTES = 4 * 2**20
_MAX_KEPT, _MAX_KEPT_CHARACTERS = 1024, 20_000
# fields that the Hub returns only with `expand`
_ONLY_ON_REQUEST = {
    "baseModels",
    "childrenModelCount",
    "downloadsAllTime",
    "evalResults",
    "gguf",
    "inference",
    "inferenceProviderMapping",
    "mainSize",
    "maskToken",
    "paperswithcode_id",
    "resourceGroup",
    "safetensors",
    "securityRepoStatus",
    "trendingScore",
    "usedStorage",
    "widgetData",
    "xetEnabled",
}
_MAX_CONFIG_BYTES = 4 * 2**20
_IN_LISTS = {
    "createdAt",
    "downloads",
    "gated",
    "lastModified",
    "library_name",
    "likes",
    "pipeline_tag",
    "private",
    "sdk",
    "tags",
}


class RepoInfo:
    """The fields of one repo at one commit, computed on demand."""

    def __init__(self, repo: Repository, commit: str):
        self.repo = repo
        self.commit = commit
        self.card = card_of(repo, commit)
        self._json_files: dict[str, dict[str, Any]] = {}

    def full(self, *, blobs: bool = False) -> dict[str, Any]:
        """All fields that the Hub returns without `expand`."""
        names = [name for name in self._fields() if name not in _ONLY_ON_REQUEST]
        return self._pick([*names, "siblings"], blobs=blobs)

    def expanded(self, names: list[str]) -> dict[str, Any]:
        """The id and the fields `names`."""
        return self._pick(names)

    def in_list(self, *, full: bool = False, card: bool = False, config: bool = False) -> dict[str, Any]:
        """The fields of a repo in a list."""
        names = {*_IN_LISTS, *(("author", "disabled", "sha", "siblings") if full else ())}
        names |= {"cardData"} if card or (full and self.repo.type == "dataset") else set()
        names |= {"config"} if config else set()
        return self._pick(sorted(names))

    def _pick(self, names: list[str], *, blobs: bool = False) -> dict[str, Any]:
        fields = self._fields()
        answer: dict[str, Any] = {"_id": self.repo.settings.internal_id, "id": self.repo.id}
        if self.repo.type == "model":
            answer["modelId"] = self.repo.id
        for name in names:
            value = self._siblings(blobs) if name == "siblings" else fields[name]() if name in fields else None
            if value is not None:
                answer[name] = value
        return answer

    def _fields(self) -> dict[str, Any]:
        repo, settings, card = self.repo, self.repo.settings, self.card
        fields = {
            "author": lambda: repo.namespace,
            "cardData": lambda: card or None,
            "createdAt": lambda: settings.created_at,
            "disabled": lambda: settings.disabled,
            "downloads": lambda: 0,
            "downloadsAllTime": lambda: 0,
            "gated": lambda: settings.gated,
            "lastModified": lambda: summarize(repo.objects.commit(self.commit)).date,
            "likes": lambda: len(settings.likes),
            "private": lambda: settings.private,
            "sha": lambda: self.commit,
            "tags": self._tags,
            "trendingScore": lambda: 0,
            "usedStorage": self._used_storage,
            "xetEnabled": lambda: False,
        }
        if repo.type == "model":
            fields |= {
                "baseModels": lambda: {"models": [{"id": name} for name in _list(card.get("base_model"))]},
                "childrenModelCount": lambda: 0,
                "config": self._config,
                "evalResults": lambda: eval_results(repo, self.commit) or None,
                "inference": lambda: None,
                "inferenceProviderMapping": lambda: [],
                "library_name": self._library,
                "model-index": lambda: card.get("model-index"),
                "pipeline_tag": lambda: card.get("pipeline_tag"),
                "safetensors": self._safetensors,
                "securityRepoStatus": lambda: {"scansDone": True, "filesWithIssues": []},
                "spaces": lambda: [],
                "transformersInfo": self._transformers,
                "widgetData": lambda: card.get("widget"),
            }
        if repo.type == "dataset":
            fields |= {
                "citation": lambda: None,
                "description": lambda: card.get("description"),
                "mainSize": self._used_storage,
                "paperswithcode_id": lambda: card.get("paperswithcode_id"),
            }
        if repo.type == "space":
            fields |= {
                "datasets": lambda: _list(card.get("datasets")),
                "host": lambda: None,
                "models": lambda: _list(card.get("models")),
                "region": lambda: None,
                "runtime": lambda: {"stage": "NO_APP_FILE", "hardware": {"current": None, "requested": None}},
                "sdk": lambda: card.get("sdk") or settings.sdk,
                "subdomain": lambda: repo.id.replace("/", "-").lower(),
            }
        return fields

    def _siblings(self, blobs: bool) -> list[dict[str, Any]]:
        if not blobs:
            walk = self.repo.walk(self.commit, recursive=True)
            return [{"rfilename": path} for path, item in walk if not item.is_folder]
        return [_sibling(entry) for entry in self.repo.files(self.commit)]

    def _tags(self) -> list[str]:
        tags = tags_of(self.card, self.repo.type)
        if self.repo.type == "model":
            tags = [*filter(None, [self._library()]), *tags]
        return list(dict.fromkeys([*tags, "region:us"]))

    def _used_storage(self) -> int:
        return sum(entry.size for entry in self.repo.files(self.commit))

    def _json_file(self, path: str) -> dict[str, Any]:
        """The object in a JSON file, cached; empty if it is missing or cannot be read."""
        if path not in self._json_files:
            self._json_files[path] = self._read_json_file(path)
        return self._json_files[path]

    def _read_json_file(self, path: str) -> dict[str, Any]:
        try:
            entry = self.repo.file(self.commit, path)
            if entry.size > _MAX_CONFIG_BYTES:
                return {}
            return read_json_object(self.repo.content(entry))
        except (EntryNotFound, BadData):
            return {}

    def _config(self) -> dict[str, Any] | None:
        config = self._json_file("config.json")
        short = {name: config[name] for name in ("architectures", "model_type") if name in config}
        if "quantization_config" in config:
            short["quantization_config"] = config["quantization_config"]
        return short or None

    def _library(self) -> str | None:
        if "library_name" in self.card:
            return str(self.card["library_name"])
        for path, library in (("adapter_config.json", "peft"), ("config.json", "transformers")):
            if self._json_file(path):
                return library
        return None

    def _transformers(self) -> dict[str, Any] | None:
        architectures = self._json_file("config.json").get("architectures")
        architecture = architectures[0] if isinstance(architectures, list) and architectures else None
        if not isinstance(architecture, str):
            return None
        causal = architecture.endswith("ForCausalLM")
        return {"auto_model": "AutoModelForCausalLM" if causal else "AutoModel", "processor": "AutoTokenizer"}

    def _safetensors(self) -> dict[str, Any] | None:
        """The number of parameters by dtype, from the headers of the safetensors files that can be read."""
        parameters: dict[str, int] = {}
        for entry in self.repo.tree(self.commit):
            if entry.path.endswith(".safetensors") and entry.lfs is not None:
                with suppress(EntryNotFound, BadData), self.repo.open_lfs(entry) as file:
                    for tensor in read_header(file):
                        parameters[tensor.dtype] = parameters.get(tensor.dtype, 0) + tensor.parameters
        return {"parameters": parameters, "total": sum(parameters.values())} if parameters else None


def _sibling(entry: Entry) -> dict[str, Any]:
    sibling = {"rfilename": entry.path, "blobId": entry.oid, "size": entry.size}
    if entry.lfs:
        sibling["lfs"] = {"sha256": entry.lfs.sha256, "size": entry.lfs.size, "pointerSize": entry.pointer_size}
    return sibling


def card_of(repo: Repository, commit: str) -> dict[str, Any]:
    """The metadata of the README at a commit; empty without a README."""
    try:
        entry = repo.file(commit, "README.md")
        if entry.lfs is not None:
            repo.lfs_file(entry)
        known = _cards.get(entry.etag)
        return _read_card(repo, entry) if known is None else known
    except EntryNotFound:
        return {}


def _read_card(repo: Repository, entry: Entry) -> dict[str, Any]:
    """The metadata of a README. They are cached by its ETag unless they are very long."""
    beginning = repo.beginning(entry, _MAX_README_BYTES)
    card = parse_card(beginning)
    block, _ = split_card(beginning.decode("utf-8", errors="replace"))
    if len(block or "") <= _MAX_KEPT_CHARACTERS:
        with _cards_lock:
            _cards[entry.etag] = card
            while len(_cards) > _MAX_KEPT:
                del _cards[next(iter(_cards))]
    return card


_cards: dict[str, dict[str, Any]] = {}
_cards_lock = threading.Lock()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]

"""The first page of a repo: card, metadata, evaluation results, and for a dataset the first rows."""

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from local_hub.errors import EntryNotFound
from local_hub.pages import addresses
from local_hub.pages.dataset.preview import Preview, preview
from local_hub.pages.markdown import Surroundings, render_markdown
from local_hub.pages.page import Visit, page, render
from local_hub.pages.repo.card_facts import Evaluation, FindRepo, chips, evaluations, hub_results, texts
from local_hub.pages.repo.usage import snippet
from local_hub.pages.repo.view import RepoView
from local_hub.repos.damaged_info import read_or_reason
from local_hub.repos.entry import Entry
from local_hub.repos.eval_results import eval_results
from local_hub.repos.info import RepoInfo, card_of
from local_hub.untrusted.card_metadata import check_card, split_card

_MAX_REPOS_ASKED = 300
_MAX_README_BYTES = 4 * 2**20


@dataclass(frozen=True)
class _Readme:
    html: str
    problems: list[str]


def card(visit: Visit) -> Response:
    """GET /NS/NAME?revision=REV and, for datasets, &config=&split="""
    view = RepoView(visit, visit.query("revision") or "main", page="card")
    metadata = card_of(view.repo, view.commit)
    files = view.repo.files(view.commit)
    facts = RepoInfo(view.repo, view.commit).expanded(["library_name", "safetensors"])
    library = facts.get("library_name")
    readme = _readme(view, files)

    def find_repo(repo_type: str, repo_id: str) -> str | None:
        repo_id, _, revision = repo_id.partition("@")
        other = visit.visible_repo(repo_type, repo_id) if repo_id.count("/") == 1 else None
        return addresses.card_at(repo_type, other.id, revision or "main") if other else None

    return render(
        visit,
        "card.html.jinja",
        view=view,
        tab="card",
        readme=readme,
        chips=chips(metadata, view.type, library, find_repo),
        evaluations=_hub_results(view, find_repo) + evaluations(metadata, find_repo),
        preview=_preview(view, metadata, files),
        snippet=snippet(view.type, view.id, library, metadata),
        files=files,
        total_size=sum(file.size for file in files),
        parameters=(facts.get("safetensors") or {}).get("total"),
        used_by=_used_by(view),
    )


def _hub_results(view: RepoView, find_repo: FindRepo) -> list[Evaluation]:
    """The results in `.eval_results` of a model whose files the visitor may read."""
    if view.type != "model" or not view.readable:
        return []
    return hub_results(eval_results(view.repo, view.commit), find_repo)


def _readme(view: RepoView, files: list[Entry]) -> _Readme | None:
    entry = next((file for file in files if file.path == "README.md"), None)
    if entry is None:
        return None
    try:
        text = view.repo.beginning(entry, _MAX_README_BYTES).decode("utf-8", errors="replace")
    except EntryNotFound as error:  # its LFS object was deleted
        return _Readme("", [error.message])
    where = Surroundings(view.type, view.id, view.revision)
    problems = check_card(text, view.type)[0]
    if entry.size > _MAX_README_BYTES:
        problems.append(f"The README is too large to show: only its first {_MAX_README_BYTES // 2**20} MB were read")
    return _Readme(render_markdown(split_card(text)[1], where), problems)


def _preview(view: RepoView, metadata: dict, files: list[Entry]) -> Preview | None:
    if view.type != "dataset" or not view.readable:
        return None
    return preview(view.repo, metadata, files, view.visit.query("config"), view.visit.query("split"))


def _used_by(view: RepoView) -> list[tuple[str, str]]:
    """(id, address) of the visible models whose cards name this repo as base model or dataset."""
    field = {"model": "base_model", "dataset": "datasets"}.get(view.type)
    if field is None:
        return []
    models = []
    for repo in view.visit.visible_repos("model")[:_MAX_REPOS_ASKED]:
        names = read_or_reason(repo, lambda repo=repo: texts(card_of(repo, repo.head()).get(field)), lambda reason: [])
        if view.id.lower() in (name.lower() for name in names):
            models.append((repo.id, addresses.repo_url("model", repo.id)))
    return models


routes = [Route("/{place:place}", page(card))]

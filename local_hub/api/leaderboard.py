"""`/api/datasets/NS/NAME/leaderboard`: the results that models report for a benchmark, best value first.

A dataset is a benchmark here if its root has an `eval.yaml` (the Hub also asks for its own approval). As on the Hub, models
that name a base model are left out unless `base_model=false`.
"""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from local_hub.errors import NotFound
from local_hub.repos.damaged_info import read_or_reason
from local_hub.repos.eval_results import eval_results
from local_hub.repos.info import card_of
from local_hub.repos.repository import Repository
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint

BENCHMARK = "eval.yaml"
_MAX_ENTRIES = 1000


def leaderboard(call: Call) -> Response:
    """GET /api/datasets/NS/NAME/leaderboard?base_model="""
    dataset = call.repo(files=True)
    if all(path != BENCHMARK for path, _ in dataset.walk(dataset.head())):
        raise NotFound(f"{dataset.id} has no leaderboard: it has no {BENCHMARK}, so it is no benchmark")
    with_derived = call.query("base_model") is not None and not call.flag("base_model")
    entries: list[dict[str, Any]] = []
    for repo in call.hub.store.list("model"):
        if call.may_see(repo) and not repo.settings.disabled:
            entries += read_or_reason(
                repo, lambda repo=repo: _entries(call, repo, dataset.id, with_derived), lambda reason: []
            )
    entries.sort(key=lambda entry: (-entry["value"], entry["modelId"], entry["filename"]))
    return answer([{"rank": rank, **entry} for rank, entry in enumerate(entries[:_MAX_ENTRIES], 1)])


def _entries(call: Call, repo: Repository, dataset: str, with_derived: bool) -> list[dict[str, Any]]:
    """The results of one model for this dataset."""
    if not with_derived and card_of(repo, repo.head()).get("base_model"):
        return []
    organization = call.hub.accounts.organization(repo.namespace)
    author = {"name": repo.namespace, "fullname": repo.namespace, "avatarUrl": ""}
    author["type"] = "org" if organization else "user"
    return [
        {
            "modelId": repo.id,
            "value": data["value"],
            "filename": item["filename"],
            "verified": False,
            "author": author,
            **({"source": {**data["source"], "isExternal": True}} if data.get("source") else {}),
            **({"notes": data["notes"]} if data.get("notes") else {}),
        }
        for item in eval_results(repo, repo.head())
        if (data := item.get("data")) and data["dataset"]["id"].lower() == dataset.lower()
    ]


routes = [Route("/api/{type:plural}/{id:repo}/leaderboard", endpoint(leaderboard))]

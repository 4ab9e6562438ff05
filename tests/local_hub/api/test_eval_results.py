"""`.eval_results/*.yaml` of a model: written and read back with the real client; an invalid file is named and skipped."""

import uuid

import httpx
import pytest
import yaml
from huggingface_hub import CommitOperationAdd, EvalResultEntry, HfApi, eval_result_entries_to_yaml
from huggingface_hub.errors import HfHubHTTPError

ENTRIES = [
    EvalResultEntry("cais/hle", "default", 20.9),
    EvalResultEntry(
        "allenai/ai2_arc", "easy", 0.412, dataset_revision="a" * 40, date="2026-11-28", source_url="https://x.org/r",
        source_name="Report", notes="zero-shot",
    ),
]  # fmt: skip
GOOD = yaml.dump(eval_result_entries_to_yaml(ENTRIES))
DATASET = "- dataset: {id: a/b, task_id: t}\n"
BAD = {
    "dataset: {}": "it must be a list of results",
    "- value: 1": "`dataset` is required",
    "- 5": "`dataset` is required",
    "- {dataset: {id: a/b}, value: 1}": "`dataset.task_id` must be a text",
    "- {dataset: {id: a/b, task_id: t, revision: main}, value: 1}": "40 hexadecimal digits",
    DATASET: "`value` must be a number",
    f"{DATASET}  value: high": "`value` must be a number",
    f"{DATASET}  value: true": "`value` must be a number",
    f"{DATASET}  value: 1\n  notes: [a]": "`notes` must be a text",
    f"{DATASET}  value: 1\n  source: {{name: x}}": "`source` needs `url`",
    "- [": "",
}


@pytest.fixture
def repo(api: HfApi) -> str:
    return api.create_repo(f"eval-results-{uuid.uuid4().hex[:8]}").repo_id


def commit(api: HfApi, repo: str, files: dict[str, str]) -> None:
    additions = [CommitOperationAdd(f".eval_results/{name}", text.encode()) for name, text in files.items()]
    api.create_commit(repo, additions, commit_message="Add results")


def test_results_come_back_as_written(api: HfApi, repo: str) -> None:
    commit(api, repo, {"good.yaml": GOOD, "notes.txt": "not results"})
    assert api.model_info(repo, expand=["evalResults"]).eval_results == ENTRIES
    assert api.model_info(repo).eval_results is None


def test_a_page_and_a_leaderboard_show_them(api: HfApi, repo: str, web: httpx.Client) -> None:
    dataset = api.create_repo(f"benchmark-{uuid.uuid4().hex[:8]}", repo_type="dataset").repo_id
    with pytest.raises(HfHubHTTPError, match=r"no eval\.yaml"):
        api.get_dataset_leaderboard(dataset)
    api.upload_file(path_or_fileobj=b"name: x", path_in_repo="eval.yaml", repo_id=dataset, repo_type="dataset")
    assert api.get_dataset_leaderboard(dataset) == []
    better = api.create_repo(f"better-{uuid.uuid4().hex[:8]}").repo_id
    for model, value, name in ((repo, 20.5, "A & B"), (better, 30, None)):
        entry = EvalResultEntry(
            dataset, "easy", value, source_url="https://x.org/r" if name else None, source_name=name
        )
        commit(api, model, {"r.yaml": yaml.dump(eval_result_entries_to_yaml([entry])), "bad.yaml": "- ["})
    api.upload_file(path_or_fileobj=b"---\nbase_model: a/b\n---\n", path_in_repo="README.md", repo_id=better)
    rows = api.get_dataset_leaderboard(dataset, base_model_only=False)
    assert [(row.rank, row.model_id, row.value) for row in rows] == [(1, better, 30), (2, repo, 20.5)]
    assert rows[1].source == {"url": "https://x.org/r", "name": "A & B", "isExternal": True}
    assert [row.model_id for row in api.get_dataset_leaderboard(dataset)] == [repo]
    page = web.get(f"/{repo}").text
    assert f'Benchmark easy on <a href="/datasets/{dataset}">' in page and "20.5" in page


def test_an_invalid_file_is_named_and_the_others_are_read(api: HfApi, repo: str, web: httpx.Client) -> None:
    commit(api, repo, {"good.yaml": GOOD, **{f"bad{number:02}.yaml": text for number, text in enumerate(BAD)}})
    items = web.get(f"/api/models/{repo}", params={"expand": "evalResults"}).json()["evalResults"]
    errors = {item["filename"]: item["error"] for item in items if "error" in item}
    assert len(errors) == len(BAD)
    for number, message in enumerate(BAD.values()):
        assert message in errors[f".eval_results/bad{number:02}.yaml"]
    assert api.model_info(repo, expand=["evalResults"]).eval_results == ENTRIES


def test_a_model_without_results(api: HfApi, repo: str) -> None:
    assert api.model_info(repo, expand=["evalResults"]).eval_results is None

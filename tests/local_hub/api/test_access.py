"""Access rights: private and gated repos, tokens, namespaces of others."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from local_hub.server import RunningHub, start, stop

ACCOUNTS = {
    "users": {"ada": {"fullname": "Ada", "orgs": {"acme": "admin", "readers": "read"}}, "bob": {}},
    "orgs": {"acme": {"fullname": "Acme", "private_by_default": True}, "readers": {}},
    "tokens": {
        "hf_ada": {"user": "ada"},
        "hf_ada_read": {"user": "ada", "role": "read"},
        "hf_bob": {"user": "bob", "role": "write"},
    },
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A Hub with two users."""
    root = tmp_path_factory.mktemp("shared")
    (root / "accounts.json").write_text(json.dumps(ACCOUNTS))
    yield start(root)
    stop(root)


@pytest.fixture
def ada(shared: RunningHub) -> HfApi:
    return HfApi(endpoint=shared.url, token="hf_ada")


@pytest.fixture
def bob(shared: RunningHub) -> HfApi:
    return HfApi(endpoint=shared.url, token="hf_bob")


def sha256_of(api: HfApi, repo_id: str, path: str) -> str:
    """The sha256 of an LFS file."""
    file = api.get_paths_info(repo_id, [path])[0]
    assert isinstance(file, RepoFile) and file.lfs is not None
    return file.lfs.sha256


def test_a_private_repo_is_hidden(ada: HfApi, bob: HfApi, shared: RunningHub):
    ada.create_repo("ada/secret", private=True)
    ada.upload_file(repo_id="ada/secret", path_in_repo="a.bin", path_or_fileobj=b"secret")
    assert ada.repo_exists("ada/secret")
    assert not bob.repo_exists("ada/secret")
    for api in (bob, HfApi(endpoint=shared.url, token=False)):
        with pytest.raises(RepositoryNotFoundError):
            api.list_repo_files("ada/secret")
        with pytest.raises(RepositoryNotFoundError):
            hf_hub_download("ada/secret", "a.bin", endpoint=shared.url, token=api.token)
        assert "ada/secret" not in [repo.id for repo in api.list_models()]
    sha256 = sha256_of(ada, "ada/secret", "a.bin")
    headers = {"Authorization": "Bearer hf_bob"}
    for url in (f"/lfs-download/models/ada/secret/{sha256}", "/ada/secret.git/info/refs?service=git-upload-pack"):
        assert httpx.get(shared.url + url, headers=headers, trust_env=False).status_code == 404
        assert httpx.get(shared.url + url, trust_env=False).status_code == 401
    ada.update_repo_settings("ada/secret", private=False)
    assert bob.repo_exists("ada/secret")


def test_knowing_a_hash_gives_no_file_of_another_repo(ada: HfApi, bob: HfApi, shared: RunningHub):
    ada.create_repo("ada/hidden", private=True, exist_ok=True)
    ada.upload_file(repo_id="ada/hidden", path_in_repo="a.bin", path_or_fileobj=b"known hash")
    sha256 = sha256_of(ada, "ada/hidden", "a.bin")
    bob.create_repo("bob/own", exist_ok=True)
    line = {"key": "lfsFile", "value": {"path": "stolen.bin", "oid": sha256, "size": 10}}
    body = json.dumps({"key": "header", "value": {"summary": "x"}}) + "\n" + json.dumps(line)
    headers = {"Authorization": "Bearer hf_bob"}
    refused = httpx.post(f"{shared.url}/api/models/bob/own/commit/main", content=body, headers=headers, trust_env=False)
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("token", "status"), [("hf_bob", 403), ("hf_ada_read", 403), ("hf_unknown", 401), (False, 401)]
)
def test_writing_needs_the_right(ada: HfApi, shared: RunningHub, token: str | bool, status: int):
    ada.create_repo("ada/public", exist_ok=True)
    api = HfApi(endpoint=shared.url, token=token)
    for attempt in (
        lambda: api.upload_file(repo_id="ada/public", path_in_repo="a.txt", path_or_fileobj=b"x"),
        lambda: api.create_repo("ada/new"),
        lambda: api.delete_repo("ada/public"),
        lambda: api.create_tag("ada/public", tag="v1"),
        lambda: api.create_branch("ada/public", branch="b"),
        lambda: api.update_repo_settings("ada/public", private=True),
    ):
        with pytest.raises(HfHubHTTPError) as refused:
            attempt()
        assert refused.value.response.status_code == status


def test_anybody_with_a_write_token_may_propose(ada: HfApi, bob: HfApi):
    ada.create_repo("ada/open", exist_ok=True)
    opened = bob.upload_file(repo_id="ada/open", path_in_repo="a.bin", path_or_fileobj=b"better", create_pr=True)
    bob.upload_file(repo_id="ada/open", path_in_repo="b.txt", path_or_fileobj=b"more", revision=opened.pr_revision)
    assert opened.pr_num is not None
    with pytest.raises(HfHubHTTPError):
        bob.merge_pull_request("ada/open", opened.pr_num)
    ada.merge_pull_request("ada/open", opened.pr_num)
    assert {"a.bin", "b.txt"} <= set(ada.list_repo_files("ada/open"))


def test_a_gated_repo_is_seen_but_not_read(ada: HfApi, bob: HfApi, shared: RunningHub, tmp_path: Path):
    ada.create_repo("ada/gated", exist_ok=True)
    ada.upload_file(repo_id="ada/gated", path_in_repo="a.txt", path_or_fileobj=b"for friends")
    ada.update_repo_settings("ada/gated", gated="manual")
    assert bob.model_info("ada/gated").gated == "manual"

    def download() -> str:
        return hf_hub_download("ada/gated", "a.txt", endpoint=shared.url, token="hf_bob", cache_dir=tmp_path)

    with pytest.raises(GatedRepoError):
        download()
    headers = {"Authorization": "Bearer hf_ada"}
    grant = f"{shared.url}/api/models/ada/gated/user-access-request/grant"  # the client calls its default endpoint
    assert httpx.post(grant, json={"user": "bob"}, headers=headers, trust_env=False).status_code == 200
    assert download()


def test_organizations(ada: HfApi, bob: HfApi):
    ada.create_repo("acme/tool", exist_ok=True)
    assert ada.model_info("acme/tool").private
    assert not bob.repo_exists("acme/tool")
    with pytest.raises(HfHubHTTPError):
        ada.create_repo("readers/tool")
    assert [org["name"] for org in ada.whoami()["orgs"]] == ["acme", "readers"]


def test_a_private_collection_is_hidden(ada: HfApi, bob: HfApi):
    ada.create_repo("ada/listed", exist_ok=True)
    slug = ada.create_collection("Good things", private=True).slug
    ada.add_collection_item(slug, "ada/listed", "model", note="mine")
    assert [item.item_id for item in ada.get_collection(slug).items] == ["ada/listed"]
    for attempt in (lambda: bob.get_collection(slug), lambda: bob.delete_collection(slug)):
        with pytest.raises(HfHubHTTPError):
            attempt()
    assert slug not in [collection.slug for collection in bob.list_collections(owner="ada")]
    assert slug in [collection.slug for collection in ada.list_collections(item="models/ada/listed")]


def test_whoami_with_a_bad_token(shared: RunningHub):
    with pytest.raises(HfHubHTTPError) as refused:
        HfApi(endpoint=shared.url, token="hf_wrong").whoami()
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["X-Error-Message"] == "Invalid credentials in Authorization header"


def test_the_accounts_file_is_for_its_owner_only(hub: RunningHub):
    assert (hub.root / "accounts.json").stat().st_mode & 0o777 == 0o600
    assert hub.token != hub.read_token
    assert hub.token not in repr(hub)


def test_listing_filters_sorts_and_pages(ada: HfApi):
    for name, card in (("filter-a", "tags: [blue]"), ("filter-b", "license: mit"), ("filter-c", "tags: [blue]")):
        ada.create_repo(f"ada/{name}", exist_ok=True)
        readme = f"---\n{card}\n---\n# {name}".encode()
        ada.upload_file(repo_id=f"ada/{name}", path_in_repo="README.md", path_or_fileobj=readme)
    assert [repo.id for repo in ada.list_models(search="filter", filter="blue", sort="created_at")] == [
        "ada/filter-c",
        "ada/filter-a",
    ]
    assert [repo.id for repo in ada.list_models(filter="license:mit", author="ada")] == ["ada/filter-b"]
    assert len(list(ada.list_models(search="filter", limit=2))) == 2
    assert list(ada.list_datasets(author="ada")) == []


def test_a_body_that_names_a_repo_by_its_old_name(api: HfApi, make_repo: Callable):
    old = make_repo()
    new = f"{old}-new"
    api.move_repo(old, new)
    for call in (
        lambda: api.delete_repo(old),
        lambda: api.move_repo(old, f"{old}-other"),
        lambda: api.add_collection_item(api.create_collection("moved").slug, old, "model"),
    ):
        with pytest.raises(HfHubHTTPError, match=f"is called {new} now") as refused:
            call()
        assert refused.value.response.status_code == 404
    assert api.repo_exists(new)

"""A Hub in this process with a few repos, and a browser for its pages."""

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.testclient import TestClient

from local_hub.accounts import Accounts
from local_hub.app import create_app
from local_hub.repos.operations import AddFile, AddLfsFile
from local_hub.repos.repository import Repository

WRITE_TOKEN, OTHER_TOKEN = "hf_of_ada", "hf_of_eve"
_ACCOUNTS = {
    "users": {"ada": {"fullname": "Ada"}, "eve": {"fullname": "Eve"}},
    "tokens": {WRITE_TOKEN: {"user": "ada"}, OTHER_TOKEN: {"user": "eve"}},
}


class World:
    """`repo` creates repos in the store; `get` requests pages without a token; `browser()` is another visitor."""

    def __init__(self, root: Path):
        accounts = root / "accounts.json"
        accounts.write_text(json.dumps(_ACCOUNTS))
        self.app = create_app(root / "hub", Accounts.load(accounts))
        self.store = self.app.state.hub.store
        self.anonymous = self.browser()

    def browser(self) -> TestClient:
        return TestClient(self.app, base_url="http://127.0.0.1:8080", follow_redirects=False)

    def get(self, address: str) -> str:
        answer = self.anonymous.get(address)
        assert answer.status_code == 200, (address, answer.status_code, answer.text)
        return answer.text

    def repo(self, repo_type: str, repo_id: str, files: dict[str, bytes | str], *, private: bool = False) -> Repository:
        repo = self.store.create(repo_type, repo_id, author="ada", private=private)
        if files:
            put(repo, files)
        return repo

    def model(self, name: str, readme: bytes | str) -> str:
        """The page of a new model with this card."""
        self.repo("model", f"ada/{name}", {"README.md": readme})
        return self.get(f"/ada/{name}")


def put(repo: Repository, files: dict[str, bytes | str], title: str = "Add files", message: str = "") -> str:
    """One commit on main; parquet and safetensors files go to LFS."""
    operations: list[AddFile | AddLfsFile] = []
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        if path.endswith((".parquet", ".safetensors")):
            operations.append(AddLfsFile(path, repo.lfs.store(data).sha256))
        else:
            operations.append(AddFile(path, data))
    return repo.commit("refs/heads/main", operations, author="ada", summary=title, description=message)


def parquet(columns: dict[str, list]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


class Elements(HTMLParser):
    """All start tags of a page, as (tag, attributes)."""

    def __init__(self, html: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    def links(self) -> list[str]:
        return [attributes.get("href") or "" for attributes in self.named("a")]


def assert_harmless(html: str, nonce: str) -> None:
    """Assert that all scripts and styles have the nonce, and that there are no event handlers or foreign images."""
    for tag, attributes in Elements(html).found:
        assert tag not in ("iframe", "object", "embed", "base", "style", "svg:script"), tag
        if tag in ("script", "link") and attributes.get("rel") != "icon":
            assert attributes.get("nonce") == nonce, attributes
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, attributes)
            assert name not in ("style", "srcdoc", "formaction"), (tag, attributes)
            if name in ("href", "src", "srcset", "action", "xlink:href"):
                address = (value or "").strip().lower()
                assert (
                    address.startswith(("/", "#", "?", "http://", "https://", "mailto:", "data:image/")) or not address
                )
                if tag in ("img", "source"):
                    assert not address or (address.startswith(("/", "data:image/")) and not address.startswith("//"))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def text_of(html: str) -> str:
    """The page's text with single spaces."""
    parser = _Text()
    parser.feed(html)
    return " ".join(" ".join(parser.parts).split())

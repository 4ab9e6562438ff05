"""A Hub answers to IP addresses, localhost and the allowed names."""

from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from starlette.testclient import TestClient

from local_hub.accounts import Accounts, ensure_accounts
from local_hub.app import create_app
from local_hub.requests.host_check import is_known, known_names


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8080",
        "localhost",
        "LOCALHOST:1",
        "localhost.",
        "hub.localhost:80",
        "[::1]",
        "[::1]:8080",
        "192.168.1.7:80",
        "[fe80::1]:80",
        "hub",
        "hub:8080",
        "Hub.Example.org",
        "hub.example.org.:443",
        "127.0.0.2",
    ],
)
def test_known(host: str):
    assert is_known(host, known_names("127.0.0.1", ["hub", "hub.example.org"]) or ())


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "",
        ":80",
        "127.0.0.1@evil.example",
        "[::1].evil.example",
        "localhost:evil",
        "a.hub",
        "127.0.0.1:80:80",
        "[evil]",
        "::1:x",
    ],
)
def test_strange(host: str):
    assert not is_known(host, known_names("127.0.0.1", ["hub"]) or ())


def test_the_name_of_the_machine_counts_where_other_machines_may_come(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("socket.gethostname", lambda: "Workstation")
    assert "workstation" in (known_names("0.0.0.0") or ())
    assert "workstation" not in (known_names("127.0.0.1") or ())
    assert known_names("127.0.0.1", ["*"]) is None


def test_what_a_strange_name_is_answered(tmp_path: Path):
    accounts = Accounts.load(ensure_accounts(tmp_path))
    client = TestClient(create_app(tmp_path, accounts, known_names("127.0.0.1", ["hub.lan"])))
    for path in ("/", "/api/health", "/-/static/icon.svg", "/x/y/resolve/main/z"):
        refused = client.get(path, headers={"Host": "evil.example:8000"})
        assert refused.status_code == 421
        assert "--allow-host evil.example" in refused.headers["X-Error-Message"]
    assert client.get("/api/health", headers={"Host": "hub.lan"}).status_code == 200
    assert client.get("/api/health", headers={"Host": "10.0.0.1:99"}).status_code == 200


def test_a_running_hub_checks(anonymous: httpx.Client):
    assert anonymous.get("/api/models", headers={"Host": "evil.example"}).status_code == 421
    assert anonymous.get("/api/models").status_code == 200


def test_the_client_shows_the_line(tmp_path: Path, api: HfApi, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import get_session

    monkeypatch.setitem(get_session().headers, "Host", "evil.example")
    with pytest.raises(HfHubHTTPError, match=r"does not answer to the name 'evil\.example'"):
        api.model_info("a/b")

"""A pytest plugin that runs the client's own test suite, unedited, against an embedded Hub.

The source package of huggingface_hub ships its tests without their `conftest.py`. This plugin stands in for it: it points
the suite's constants at the Hub in `$HF_ENDPOINT` before any test module is imported, provides the fixtures that the
tests ask for by name, and records for each test whether it really called the Hub.

Used by `run.py` as `pytest -p hub_suite` with this folder on the path; not a part of our own tests.
"""

import contextlib
import functools
import importlib
import json
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

_ENDPOINT = os.environ["HF_ENDPOINT"]
_RESULTS = os.environ.get("HUB_SUITE_RESULTS")
# the client validates cards at this literal address, whatever its endpoint is
_CARD_CHECK = "https://huggingface.co/api/validate-yaml"
_MARKERS = (
    "production: calls the public Hub",
    "inference: calls inference servers",
    "xet: needs Xet storage",
    "no_xet: needs uploads without Xet",
    "git_lfs: needs git-lfs",
    "vcr: replays recorded answers",
    "deprecated(*names): expects a FutureWarning that names these functions",
)

RepoFactory = Callable  # test modules import this name from their conftest

_calls = 0  # requests to the Hub since the start of the test


def pytest_configure(config: pytest.Config) -> None:
    """Make the suite's folder the package `tests`, and its staging address this Hub."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    suite = Path(os.environ["HUB_SUITE_FOLDER"])
    package = types.ModuleType("tests")
    package.__path__ = [str(suite)]
    sys.modules["tests"] = package
    sys.modules["tests.conftest"] = sys.modules[__name__]
    vars(importlib.import_module("tests.testing_constants"))["ENDPOINT_STAGING"] = _ENDPOINT
    _count_calls(httpx.HTTPTransport, "handle_request")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Recorder())


def _count_calls(transport: type, method: str) -> None:
    original = getattr(transport, method)

    @functools.wraps(original)
    def counted(self, request):
        global _calls
        if str(request.url) == _CARD_CHECK:
            request.url = httpx.URL(f"{_ENDPOINT}/api/validate-yaml")
            request.headers["Host"] = request.url.netloc.decode()
        answer = original(self, request)
        # counted when an answer came, so a test that only fails to reach some other host does not count; nor do the
        # pings that a thread of an earlier test sends
        _calls += str(request.url).startswith(_ENDPOINT) and not request.url.path.startswith("/api/telemetry")
        return answer

    setattr(transport, method, counted)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Record for each test how many requests it sent to the Hub, fixtures included."""
    global _calls
    _calls = 0
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    item.user_properties = [("hub_calls", _calls)]
    return (yield)


class _Recorder:
    """Collects one result per test and writes them at the end, in the main process of pytest."""

    def __init__(self) -> None:
        self.tests: dict[str, dict] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self.tests.setdefault(
            report.nodeid, {"outcome": "passed", "hub_calls": 0, "message": "", "seconds": 0.0}
        )
        properties: dict[str, Any] = dict(report.user_properties)
        test["hub_calls"] = max(test["hub_calls"], properties.get("hub_calls", 0))
        test["seconds"] += report.duration
        if report.outcome != "passed" and test["outcome"] == "passed":
            test["outcome"] = report.outcome
            test["message"] = _last_line(report)

    def pytest_sessionfinish(self) -> None:
        if _RESULTS:
            Path(_RESULTS).write_text(json.dumps(self.tests, indent=1))


def _last_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return " ".join(crash.message.split())[:300]
    return str(report.longrepr)[-300:]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has an empty cache, no stored token and no state of an earlier test."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _auth

    home = tmp_path_factory.mktemp("hf_home")
    hub_cache = str(home / "hub")
    for name, value in {
        "HF_HOME": str(home),
        "HF_HUB_CACHE": hub_cache,
        "HUGGINGFACE_HUB_CACHE": hub_cache,
        "HF_ASSETS_CACHE": str(home / "assets"),
        "HF_XET_CACHE": str(home / "xet"),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
        "HF_HUB_DISABLE_EXPERIMENTAL_WARNING": True,
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setattr(_auth, "_OAUTH_REFRESH_CACHE", None, raising=False)
    monkeypatch.setattr(_auth, "_OAUTH_REFRESH_WARNED", False, raising=False)


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The output of the command line does not depend on the environment."""
    from huggingface_hub.cli._output import out
    from huggingface_hub.utils import _detect_agent

    monkeypatch.setattr(_detect_agent, "_registry", _detect_agent._EMPTY_REGISTRY, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    out.set_mode()
    out.set_no_truncate(False)


@pytest.fixture(autouse=True)
def _xet_only_where_asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable Xet for the tests about Xet; the runner disables it."""
    from huggingface_hub import constants

    if request.node.get_closest_marker("xet"):
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
        monkeypatch.delenv("HF_HUB_DISABLE_XET", raising=False)


@pytest.fixture(autouse=True)
def _git_lfs_where_installed(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("git_lfs") and os.environ.get("RUN_GIT_LFS_TESTS") != "1":
        pytest.skip("needs git-lfs: set RUN_GIT_LFS_TESTS=1")


@pytest.fixture(autouse=True)
def _announced_deprecations(request: pytest.FixtureRequest) -> Iterator[None]:
    names = [name for marker in request.node.iter_markers("deprecated") for name in marker.args]
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(pytest.warns(FutureWarning, match=f".*'{name}'.*"))
        yield


@pytest.fixture(scope="session")
def api():
    """A client with the token of the suite's user."""
    from huggingface_hub import HfApi

    from tests.testing_constants import TOKEN  # pyright: ignore[reportMissingImports]

    return HfApi(endpoint=_ENDPOINT, token=TOKEN)


@pytest.fixture(scope="session")
def api_prod():
    """A client of the public Hub, for tests that the runner leaves out."""
    from huggingface_hub import HfApi

    return HfApi(endpoint="https://huggingface.co")


@pytest.fixture
def repo_factory(api) -> Iterator[Callable]:
    """A function that creates repos, which are deleted after the test."""
    from tests.testing_utils import repo_name  # pyright: ignore[reportMissingImports]

    made = []

    def make(repo_type: str = "model", **options):
        if repo_type == "space":
            options.setdefault("space_sdk", "gradio")
        url = api.create_repo(repo_id=repo_name(prefix=repo_type), repo_type=repo_type, **options)
        made.append((url.repo_id, repo_type))
        return url

    yield make
    for repo_id, repo_type in made:
        with contextlib.suppress(Exception):  # the test may have deleted, moved or hidden it
            api.delete_repo(repo_id=repo_id, repo_type=repo_type)

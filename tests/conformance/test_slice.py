"""A part of the client's own test suite that takes a minute; `make conformance` runs all of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_hub.errors import UsageError
from local_hub.server import stop
from tests.conformance import run

pytestmark = pytest.mark.slow

SLICE = (
    "test_hf_api.py::TestCommitApi",
    "test_hf_api.py::TestHfApiListRepoTree",
    "test_hf_api.py::TestHfApiTagEndpoint",
    "test_hf_api.py::TestHfApiBranchEndpoint",
    "test_hf_api.py::TestHfApiDiscussions",
    "test_hf_api.py::TestHfApiAuthCheck",
    "test_hf_api.py::TestListGitRefs",
    "test_hf_api.py::TestListGitCommits",
    "test_snapshot_download.py",
    "test_cli_discussions.py",
)


@pytest.fixture
def results(tmp_path: Path) -> Iterator[list[run.Result]]:
    try:
        run.suite_folder()
        run.require_plugins()
    except UsageError as error:
        pytest.skip(str(error))
    hub = run.start_hub(tmp_path / "hub")
    try:
        yield run.run_suite([f"tests/{test}" for test in SLICE], hub, tmp_path, ["-q", "--maxfail=20"])
    finally:
        stop(tmp_path / "hub")
        shutil.rmtree(tmp_path / "hub")


def test_what_the_clients_own_tests_say(results: list[run.Result]):
    known = run.known_failures()
    counted = [result for result in results if result.counts]
    failed = {run.short_id(result): result.message for result in counted if result.outcome != "passed"}
    assert {test: message for test, message in failed.items() if test not in known} == {}
    assert len(counted) >= 80

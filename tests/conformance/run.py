"""python -m tests.conformance.run [FILE …]: the client's own test suite against an embedded Hub.

Downloads the source package of huggingface_hub, starts a Hub with the accounts that its tests expect, runs the tests
unedited and prints, for each file, how many of the tests that called the Hub passed. A test counts when at least one of
its HTTP requests (those of its fixtures included) was answered by the Hub; skipped tests do not count.

Exit status 0 when at least 270 pass and every failure is in `known_failures.toml`, with its reason.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from local_hub.errors import UsageError
from local_hub.server import RunningHub, start, stop

VERSION = "1.33.0"
NEEDED = 270
HERE = Path(__file__).parent
WORK = HERE.parents[1] / ".conformance"
# module -> package of imports that only the suite needs
REQUIREMENTS = {"pytest_mock": "pytest-mock", "jedi": "jedi"}
# test files about other products than repos
LEFT_OUT = ("buckets", "inference", "jobs_api", "sandbox", "webhooks", "generate_cli_reference", "windows", "oauth")


@dataclass(frozen=True)
class Result:
    """The result of one test of the suite."""

    id: str
    outcome: str
    hub_calls: int
    message: str
    seconds: float

    @property
    def file(self) -> str:
        return self.id.split("::")[0].rsplit("/", 1)[-1]

    @property
    def counts(self) -> bool:
        return self.hub_calls > 0 and self.outcome != "skipped"


def suite_folder() -> Path:
    """The suite's `tests` folder, downloaded on first use. Raises UsageError if the download fails."""
    unpacked = WORK / f"huggingface_hub-{VERSION}"
    if not unpacked.exists():
        WORK.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=WORK) as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
            command += ["--no-binary", ":all:", "--dest", folder, f"huggingface-hub=={VERSION}"]
            done = subprocess.run(command, capture_output=True, text=True)
            archives = list(Path(folder).glob("*.tar.gz"))
            if done.returncode or not archives:
                reason = (done.stderr.strip().splitlines() or ["no archive came"])[-1]
                raise UsageError(f"The source package huggingface-hub=={VERSION} cannot be downloaded: {reason}")
            with tarfile.open(archives[0]) as archive:
                archive.extractall(folder, filter="data")
            (Path(folder) / unpacked.name).rename(unpacked)
    return unpacked / "tests"


def require_plugins() -> None:
    """Install the packages that only the suite imports. Raises UsageError if that fails."""
    missing = [package for module, package in REQUIREMENTS.items() if importlib.util.find_spec(module) is None]
    if missing:
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], capture_output=True)
        if done.returncode:
            raise UsageError(f"What the suite needs cannot be installed: {', '.join(missing)}")


def start_hub(root: Path) -> RunningHub:
    """Start a Hub with the accounts of the suite."""
    root.mkdir(parents=True)
    (root / "accounts.json").write_bytes((HERE / "accounts.json").read_bytes())
    return start(root)


def run_suite(tests: list[str], hub: RunningHub, scratch: Path, options: list[str]) -> list[Result]:
    """Run files or test ids (relative to the suite's folder) in a new process."""
    suite, results = suite_folder(), scratch / "results.json"
    # some tests of the suite read these variables, and no proxy is needed
    cleared = ("proxy", "hf_", "hugging")
    environment = {
        name: value for name, value in os.environ.items() if not any(word in name.lower() for word in cleared)
    }
    environment |= {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(scratch / "hf_home"),
        "HF_TOKEN": "",  # the suite passes its tokens itself
        "HF_HUB_DISABLE_XET": "1",  # the tests about Xet switch it on
        "HUGGINGFACE_CO_STAGING": "0",
        "DISABLE_SYMLINKS_IN_WINDOWS_TESTS": "1",
        "HUB_SUITE_FOLDER": str(suite),
        "HUB_SUITE_RESULTS": str(results),
        "PYTHONPATH": str(HERE),
    }
    command = [sys.executable, "-m", "pytest", "-p", "hub_suite", "-c", str(HERE / "pytest.ini")]
    command += ["--rootdir", str(suite.parent), "-m", "not production and not inference", *options, *tests]
    subprocess.run(command, cwd=suite.parent, env=environment)
    if not results.exists():
        raise UsageError("The suite did not finish: see its output above")
    return [Result(id, **fields) for id, fields in json.loads(results.read_bytes()).items()]


def known_failures() -> dict[str, str]:
    """Test id -> the reason why it fails here."""
    table = tomllib.loads((HERE / "known_failures.toml").read_text())
    return {f"{file}::{test}": reason for file, tests in table.items() for test, reason in tests.items()}


def report(results: list[Result]) -> int:
    """Print the table; return the number of passed tests, negative after an unexpected result."""
    counted = [result for result in results if result.counts]
    by_file: dict[str, list[Result]] = defaultdict(list)
    for result in counted:
        by_file[result.file].append(result)
    print(f"\n{'tests that called the Hub':<40} passed  of")
    for file, group in sorted(by_file.items()):
        print(f"{file:<40} {sum(r.outcome == 'passed' for r in group):>6} {len(group):>3}")
    passed = sum(result.outcome == "passed" for result in counted)
    print(f"{'total':<40} {passed:>6} {len(counted):>3}")

    known = known_failures()
    failed = [result for result in counted if result.outcome != "passed"]
    expected = [result for result in failed if short_id(result) in known]
    surprises = [result for result in failed if short_id(result) not in known]
    mended = [result for result in results if result.outcome == "passed" and short_id(result) in known]
    by_reason: dict[str, list[str]] = defaultdict(list)
    for result in expected:
        by_reason[known[short_id(result)]].append(short_id(result))
    for reason, tests in sorted(by_reason.items()):
        print(f"\n{len(tests)} known: {reason}\n    " + "\n    ".join(tests))
    for result in surprises:
        print(f"\nUNEXPECTED FAILURE {short_id(result)}\n    {result.message}")
    for result in mended:
        print(f"\nUNEXPECTED PASS {short_id(result)}: take it out of known_failures.toml")
    return -1 if surprises or mended else passed


def short_id(result: Result) -> str:
    """`test_hf_api.py::TestX::test_y`"""
    return result.id.removeprefix("tests/")


def main() -> int:
    """Run the suite and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.run", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("tests", nargs="*", help="files or test ids of the suite, e.g. test_hf_api.py; default: all")
    parser.add_argument("--workers", default="2", help="processes that run tests; default: %(default)s")
    parser.add_argument("--report-only", action="store_true", help="do not judge, for a look at a few tests")
    arguments = parser.parse_args()
    require_plugins()
    names = sorted(file.name for file in suite_folder().glob("test_*.py"))
    tests = arguments.tests or [name for name in names if not any(word in name for word in LEFT_OUT)]
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        scratch = Path(folder)
        hub = start_hub(scratch / "hub")
        try:
            options = ["-n", arguments.workers, "--dist", "loadscope", "-q"]
            results = run_suite([f"tests/{test}" for test in tests], hub, scratch, options)
        finally:
            stop(scratch / "hub")
    passed = report(results)
    return 0 if passed >= NEEDED or arguments.report_only else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

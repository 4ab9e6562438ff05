"""The samples in local_hub/README.md work as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local_hub.accounts import Accounts
from tests import ROOT

pytestmark = pytest.mark.slow

README = (ROOT / "local_hub" / "README.md").read_text(encoding="utf-8")


def samples(language: str) -> list[str]:
    """The code blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_fixtures_and_tests_pass(tmp_path: Path) -> None:
    for name, code in zip(("conftest.py", "test_upload.py"), samples("python"), strict=True):
        (tmp_path / name).write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1", "HF_HUB_DISABLE_XET": "1"}
    process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0 and "2 passed" in process.stdout, process.stdout + process.stderr


def test_the_accounts_load(tmp_path: Path) -> None:
    (sample,) = samples("json")
    file = tmp_path / "accounts.json"
    file.write_text(sample)
    accounts = Accounts.load(file)
    token = accounts.token("hf_ada_write")
    assert token is not None and token.may_write("acme") and not token.may_write("eve")

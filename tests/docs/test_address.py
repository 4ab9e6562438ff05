"""docs/address.py puts the repository's address into every file that needs it, and another one in its place later."""

import json
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest

from tests import ROOT, present

FIRST, SECOND = "https://github.com/someone/titlecraft", "https://github.com/other/fork"


@pytest.fixture(scope="module")
def address() -> Any:
    """The script as a module."""
    spec = present(spec_from_file_location("address", ROOT / "docs" / "address.py"))
    module = module_from_spec(spec)
    present(spec.loader).exec_module(module)
    return module


@pytest.mark.parametrize("path", ["README.md", "notebooks/amazon_titles.ipynb", "pyproject.toml"])
def test_the_address_is_written_and_replaced(address: Any, path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    first = address.with_address(path, text, FIRST)
    assert FIRST.removeprefix("https://github.com/") in first
    second = address.with_address(path, first, SECOND)
    assert second == address.with_address(path, text, SECOND)
    if path.endswith("ipynb"):
        assert json.loads(second)["cells"]
    if path.endswith("toml"):
        assert tomllib.loads(second)["project"]["urls"]["Repository"] == SECOND
    if path.endswith("md"):
        assert second.count("Open in Colab") == 1 and f"git clone {SECOND} && cd fork" in second


def test_other_addresses_are_refused(address: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert address.main("titlecraft") == 2
    assert "expected https://github.com/OWNER/NAME" in capsys.readouterr().err

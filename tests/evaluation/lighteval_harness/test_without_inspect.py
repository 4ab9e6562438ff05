"""Placeholders for packages that lighteval imports and the harness does not use."""

import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

from evaluation.lighteval_harness.without_inspect import without
from titlecraft.process.left_out import UNUSED, leave_out_unused

NAMES = ("not_a_package", "not_a_package.part")


def test_names_of_a_placeholder_are_classes_and_decorators_until_the_block_ends() -> None:
    with without(NAMES):
        part = import_module("not_a_package.part")

        @part.scorer(metrics=[part.accuracy(), part.stderr()])
        def score() -> None: ...

        assert isinstance(part.Sample, type)
        assert find_spec("not_a_package")
    assert not set(NAMES) & sys.modules.keys()
    with pytest.raises(ModuleNotFoundError):
        import_module("not_a_package.part")


def test_what_is_imported_stays_and_what_is_hidden_stays_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "not_a_package", None)
    with without(("json", "not_a_package")):
        assert import_module("json").dumps([1]) == "[1]"
        assert import_module("not_a_package")
    assert sys.modules["not_a_package"] is None


def test_unused_packages_are_not_found_unless_they_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in UNUSED:
        monkeypatch.delitem(sys.modules, name, raising=False)
    imported = object()
    monkeypatch.setitem(sys.modules, UNUSED[0], imported)
    leave_out_unused()
    assert sys.modules[UNUSED[0]] is imported and find_spec(UNUSED[1]) is None
    monkeypatch.delitem(sys.modules, UNUSED[1])

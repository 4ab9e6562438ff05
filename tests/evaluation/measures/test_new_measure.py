"""Every measure is in MEASURES, in the Portuguese words and in the bibliography; see evaluation/measures/__init__.py."""

import tomllib
from importlib import import_module
from pkgutil import iter_modules

import evaluation.measures
from evaluation.measures import ALL_ENTRIES, MEASURES, Entry
from tests import ROOT


def test_every_entry_is_in_the_tuple_of_measures() -> None:
    modules = [import_module(f"evaluation.measures.{info.name}") for info in iter_modules(evaluation.measures.__path__)]
    entries = {
        value.name: module.__name__ for module in modules for value in vars(module).values() if isinstance(value, Entry)
    }
    for name, module in entries.items():
        assert name in {entry.name for entry in ALL_ENTRIES}, (
            f"{module} has the measure {name!r}, which nothing computes: put it into MEASURES in evaluation/measures/__init__.py"
        )


def test_every_measure_has_a_name_and_a_label_of_its_own() -> None:
    for field in ("name", "label"):
        values = [getattr(entry, field) for entry in ALL_ENTRIES]
        repeated = sorted({value for value in values if values.count(value) > 1})
        assert not repeated, f"two measures have the {field} {repeated}"


def test_every_measure_has_its_words_in_portuguese() -> None:
    file = "playground/document/templates/words.pt-BR.toml"
    table = tomllib.loads((ROOT / file).read_text(encoding="utf-8"))["measures"]
    for entry in MEASURES:
        missing = {"label", "unit", "definition"} - set(table.get(entry.name, {}))
        assert not missing, f"[measures.{entry.name}] of {file} lacks {', '.join(sorted(missing))}"


def test_every_source_is_in_the_bibliography() -> None:
    from model_card.citations import cited_by

    for entry in MEASURES:
        assert entry.source.startswith("Titlecraft") or cited_by(entry.source), (
            f"the measure {entry.name!r} has the source {entry.source!r}: model_card/templates/citations.bib needs its entry, "
            'and the source must name it as "Author year", "Author and Author year" or "Author et al. year"'
        )

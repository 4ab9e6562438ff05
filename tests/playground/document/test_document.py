"""Golden documents in both languages; every measure, setting and reason of the code has words in each language.

After an intended change, `python -m tests.playground.document.test_document` rewrites the golden files; read the diff.
"""

import dataclasses
import re
import shlex
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest

from dataset_builder.cleaning.clean import RULES
from dataset_builder.source.parse import Drop, Quarantine
from evaluation.measures import MEASURES
from evaluation.report.pages import REASONS
from playground.document.page import render_page
from playground.document.words import LANGUAGES, Language, cell, fenced, words_of
from playground.document.write import SECTIONS, Run, command_again, render, write_document
from tests import present
from tests.playground.document.literal_run import bare, evaluated, language
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.command_line.verbs import document as command
from titlecraft.errors import UserError
from titlecraft.records import NotMeasured

HERE = Path(__file__).parent
RUNS: dict[str, Callable[[], Run]] = {"evaluated": evaluated, "bare": bare}


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", RUNS)
def test_the_whole_document(name: str, code: str) -> None:
    assert render(RUNS[name](), language(code)) == (HERE / f"{name}.{code}.md").read_text(encoding="utf-8")


def test_the_command_offers_all_languages() -> None:
    assert command.LANGUAGES == LANGUAGES


def keys(table: dict, above: str = "") -> set[str]:
    return {
        key
        for name, value in table.items()
        if name != "measures"
        for key in (keys(value, f"{name}.") if isinstance(value, dict) else {above + name})
    }


def test_both_languages_have_the_same_words() -> None:
    assert keys(words_of("en")) == keys(words_of("pt-BR"))


def test_every_measure_has_its_words_in_portuguese() -> None:
    table = words_of("pt-BR")["measures"]
    assert list(table) and set(table) == {measure.name for measure in MEASURES}
    assert all(set(texts) == {"label", "unit", "definition"} and all(texts.values()) for texts in table.values())


def test_every_reason_rule_and_setting_has_words() -> None:
    words = words_of("pt-BR")
    assert set(words["dropped"]) == {reason.value for reason in Drop}
    before = {"title_missing", "content_missing"}  # reasons of records that older versions published
    assert set(words["quarantined"]) == {reason.value for reason in Quarantine} | before
    assert set(words["cleaned"]) == set(RULES)
    assert set(words["excluded"]) == set(REASONS)
    named = {f"{section}.{field.name}" for section, kind in SECTIONS.items() for field in fields(kind)}
    assert set(words["settings"]) == named - {"base.repo", "base.revision"}


@pytest.mark.parametrize(
    ("value", "english", "portuguese"),
    [
        (1234.5, "1,234.5", "1.234,5"),
        (1_200_000, "1,200,000", "1.200.000"),
        (0.0001, "0.0001", "0,0001"),
        (5e-05, "0.00005", "0,00005"),
        (2.0, "2", "2"),
        (None, "–", "–"),
        (True, "yes", "sim"),
        (["q", "v"], "q, v", "q, v"),
    ],
)
def test_settings_in_both_languages(value: object, english: str, portuguese: str) -> None:
    assert (language("en").value(value), language("pt-BR").value(value)) == (english, portuguese)


def test_measured_values_in_both_languages() -> None:
    portuguese = Language("pt-BR", "")
    assert (portuguese.number(1234.567), portuguese.signed(-0.25), portuguese.count(12_000)) == (
        "1234,57",
        "−0,250",
        "12.000",
    )
    assert portuguese.percent(0.00522) == "0,52%"


def test_the_command_of_the_document_repeats_the_training() -> None:
    run = evaluated()
    training = dataclasses.replace(run.record.training, max_steps=None, packing=True, backend="trl")
    lora = dataclasses.replace(run.record.lora, target_modules=["q_proj", "v_proj"])
    record = msgspec.structs.replace(run.record, training=training, lora=lora)
    command_line = command_again(dataclasses.replace(run, record=record), "YOU").replace("\\\n", "")
    stage = StageParser("train", "", ["base", "lora", "training", "generation"])
    for name in ("--dataset", "--repo"):
        stage.add(name, type=str)
    recipe, options = stage.parse(shlex.split(command_line)[2:])
    assert (recipe.training, recipe.lora, recipe.generation) == (training, lora, record.generation)
    assert recipe.base == dataclasses.replace(
        record.base_settings, repo=record.base.repo, revision=record.base.revision
    )
    assert (options.dataset, options.repo) == ("ns/data@" + "d" * 40, "YOU/Llama-3-Titles")


def test_missing_values_are_named() -> None:
    english, portuguese = (render(bare(), language(code)) for code in LANGUAGES)
    assert english.count("not measured |") == portuguese.count("não medido |") == 3
    assert english.count("Not evaluated") == portuguese.count("Não avaliado") == 2
    assert "Verdict" not in english and "Veredito" not in portuguese


def test_statements_about_amazon_titles_are_in_no_other_document() -> None:
    run = evaluated()
    data = present(run.data)
    source = msgspec.structs.replace(data.source, expected_lines=2_248_619)
    known = dataclasses.replace(run, data=msgspec.structs.replace(data, source=source))
    for code, words in (
        ("en", "Given the title of an Amazon product"),
        ("pt-BR", "Dado o título de um produto da Amazon"),
    ):
        text = render(known, language(code))
        assert words in text and "AmazonTitles-1.3MM" in text and "Bhatia" in text and "McAuley" in text
        for other_run in (run, bare()):
            assert not re.search(
                "Amazon|Bhatia|McAuley|begins with books|começa pelos livros|never seen|nunca viu",
                render(other_run, language(code)),
            )


def test_unreadable_scripts_are_named_in_both_languages() -> None:
    run = evaluated()
    left_out = NotMeasured(name="rouge_l", label="ROUGE-L", read=3, n=200, lacking=["latin", "accents"])
    measures = [
        msgspec.structs.replace(measure, n=150) if measure.name == "specificity" else measure
        for measure in present(run.report).measures[:2]
    ]
    report = msgspec.structs.replace(
        present(run.report), measures=measures, not_measured=[left_out], near_not_looked_for=1_050
    )
    english, portuguese = (render(dataclasses.replace(run, report=report), language(code)) for code in LANGUAGES)
    assert (
        "- ROUGE-L: it means nothing on texts in letters that are not Latin or in Latin letters other than a to z; it covers 3 of 200 titles."
        in english
    )
    assert "- ROUGE-L: não quer dizer nada em textos em letras que não são latinas ou em letras latinas" in portuguese
    assert (
        "| Specificity (on 150 of 200 titles) |" in english
        and "| Especificidade (em 150 de 200 títulos) |" in portuguese
    )
    assert "1,050 rows of the split were not searched" in english and "Em 1.050 linhas do conjunto" in portuguese


def test_out_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=r"--out .*notes\.txt is a file: expected a folder"):
        write_document("me/adapter", ["en"], tmp_path / "notes.txt")


def test_a_single_left_out_row_is_singular() -> None:
    run = evaluated()
    run = dataclasses.replace(run, report=msgspec.structs.replace(present(run.report), excluded={"title_in_train": 1}))
    assert "Excluded: 1 row whose title is in" in render(run, language("en"))
    assert "sorteio: 1 linha porque o título também" in render(run, language("pt-BR"))


def test_texts_of_datasets_are_escaped() -> None:
    assert fenced("```\n<b>") == "````text\n```\n<b>\n````"
    assert cell("a|b\nc") == "a\\|b c"
    page = render_page(render(evaluated(), language("pt-BR")), "pt-BR", {"forest.png": b"\x89PNG"})
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert page.startswith('<!doctype html>\n<html lang="pt-BR">') and 'src="data:image/png;base64,iVBORw=="' in page


def test_both_languages_have_the_same_numbers() -> None:
    """Both documents show the same numbers, each in the notation of its language."""
    english, portuguese = (render(evaluated(), language(code)).split("### 4.3")[0] for code in LANGUAGES)
    swapped = portuguese.translate(str.maketrans(",.", ".,"))
    figure = re.compile(r"\| (?:de )?([−+]?\d[\d,]*(?:\.\d+)?)(?= )")
    assert figure.findall(english) == figure.findall(swapped) and len(figure.findall(english)) > 60


if __name__ == "__main__":
    for name, run in RUNS.items():
        for code in LANGUAGES:
            (HERE / f"{name}.{code}.md").write_text(render(run(), language(code)), encoding="utf-8")

"""Golden files of complete cards: the same records give the same card, so every change of wording is visible in a diff.

After an intended change, `python -m tests.model_card.test_golden_cards` rewrites the golden files; read the diff.
"""

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from huggingface_hub import DatasetCard, ModelCard, RepoCard

from dataset_builder.card.write import CardInputs as DatasetCardInputs
from dataset_builder.card.write import render as render_dataset_card
from evaluation.report.examples import starting_views
from model_card.build import render
from model_card.claims import CLAIMS, render_claims
from model_card.inputs import CardInputs, reports
from model_card.metadata import eval_results, owned
from model_card.named_records import named_records
from model_card.third_party import render_third_party
from tests import present
from tests.model_card.literal_evaluation import dataset_lineage, evaluation_record
from tests.model_card.literal_records import METERED, ROWS, dataset_record, training_record
from tests.model_card.literal_third_party import third_party_inputs
from titlecraft.cards.merge import merge, split
from titlecraft.prompt import PromptFormat
from titlecraft.records import NotMeasured, Source, SourceFile
from titlecraft.records.dataset import About
from titlecraft.settings import Prompt

HERE = Path(__file__).parent


PROMPT = PromptFormat.from_settings(Prompt())


def evaluated() -> CardInputs:
    """Card inputs with a report, a dataset record and some of the licence files."""
    return CardInputs(
        "ns/Llama-3-Titles",
        PROMPT,
        training_record("llama3"),
        evaluation_record(),
        ROWS,
        dataset_record(),
        frozenset({"LICENSE", "NOTICE", "assets/lineage.png", "assets/training_loss.png", "lineage.json"}),
    )


def bare() -> CardInputs:
    """Card inputs of an adapter without a report, trained on a dataset without a record."""
    return CardInputs("ns/titles", PROMPT, training_record("other"))


def cards() -> dict[str, str]:
    return {
        "evaluated.md": render(evaluated()),
        "not_evaluated.md": render(bare()),
        "energy.md": render(
            replace(bare(), training=msgspec.structs.replace(training_record("other"), measured=METERED))
        ),
        "third_party.md": render_third_party(third_party_inputs()),
        "dataset.md": render_dataset_card(DatasetCardInputs("ns/data", dataset_record(), dataset_lineage())),
    }


@pytest.mark.parametrize("name", ["evaluated.md", "not_evaluated.md", "energy.md", "third_party.md", "dataset.md"])
def test_the_whole_card(name: str) -> None:
    assert cards()[name] == (HERE / name).read_text(encoding="utf-8")


def metadata(card: str, kind: type[RepoCard] = ModelCard) -> Any:
    """The card's metadata as parsed by huggingface_hub; `Any`, because keys that its class does not declare are attributes too."""
    return kind(card).data


def test_metadata_as_the_hub_reads_it() -> None:
    data = metadata(cards()["evaluated.md"])
    assert (data.base_model, data.base_model_relation, data.datasets) == (
        "meta-llama/Meta-Llama-3-8B",
        "adapter",
        ["ns/data"],
    )
    assert (data.license, data.library_name, data.pipeline_tag) == ("llama3", "peft", "text-generation")
    assert [widget["text"] for widget in data.widget] == [f"Describe Lamp {number}:\n" for number in (5, 2, 6)]
    assert data.eval_results == eval_results("ns/Llama-3-Titles", evaluation_record())
    first = data.eval_results[0]
    assert (first.metric_type, first.metric_value, first.dataset_revision) == ("nll_per_token", 2.25, "d" * 40)
    assert first.source_url.endswith("/ns/Llama-3-Titles/blob/main/evaluation/0123456789ab/report.json")
    assert metadata(cards()["dataset.md"], DatasetCard).license == "unknown"


def test_titles_are_escaped_in_the_metadata() -> None:
    titles = ["---", "a: b # c", "'\"\n---\n- {x}", "<!-- /titlecraft:samples -->"]
    rows = [row | {"title": title, "prompt": f"\n---\n{title}\n"} for row, title in zip(ROWS, titles, strict=False)]
    text = render(replace(evaluated(), rows=rows))
    assert sorted(widget["text"] for widget in metadata(text).widget) == sorted(
        f"\n---\n{rows[index]['title']}\n" for index in starting_views(evaluation_record(), rows)["random"][:3]
    )
    names = [block.name for block in split(text).blocks]
    assert names == [block.name for block in split(cards()["evaluated.md"]).blocks] and None not in names


def test_code_fences_and_quotes_of_a_prompt_are_escaped() -> None:
    prompt = PromptFormat(instruction='Say """x""" \\ and\n```\nnot python\n```', question="{title}")
    snippet = re.search(r"````python\n(.*?)````\n", render(replace(bare(), prompt=prompt)), re.DOTALL)
    assert snippet
    literal = snippet[1][snippet[1].index('"""') : snippet[1].index("\n\ninputs")]
    assert ast.literal_eval(literal) == prompt.render_title("Adult Ballet Tutu Yellow")


def test_a_new_dataset_replaces_the_old_one_and_an_added_one_stays() -> None:
    old = cards()["evaluated.md"].replace("- ns/data\n", "- ns/old\n- ns/by-hand\n", 1)
    merged = merge(old, cards()["evaluated.md"], owned(["ns/old"]))
    assert metadata(merged).datasets == ["ns/data", "ns/by-hand"]


def test_a_card_has_only_measured_values() -> None:
    evaluated, bare = cards()["evaluated.md"], cards()["not_evaluated.md"]
    assert "**Built with Meta Llama 3.**" in evaluated and "Built with" not in bare
    assert "| −0.100 to +0.300 | no measured difference |" in evaluated
    assert bare.count("Not evaluated.") == 2 and "model-index" not in bare and "widget" not in bare
    assert "| energy | not measured |" in evaluated and "co2_eq_emissions" not in evaluated
    assert "| share of padding tokens | not counted |" in evaluated
    assert "Overlap of the splits: not measured." in bare and "training_loss.png" not in bare
    assert "**Missing in this repo: the use policy.**" in evaluated and "Missing" not in bare


def test_metered_energy_is_on_the_card_with_its_emissions_and_its_source() -> None:
    assert metadata(cards()["energy.md"]).co2_eq_emissions == {
        "emissions": 4.14,
        "source": "codecarbon 3.3.2: 0.0421 kWh of GPU, metered",
        "training_type": "fine-tuning",
        "geographical_location": "BRA",
        "hardware_used": "2 x NVIDIA H200",
    }


def of_amazon_titles(**prompt: Any) -> CardInputs:
    """The inputs of `evaluated`, with a dataset whose source was recognised as trn.json."""
    record = dataset_record()
    source = msgspec.structs.replace(record.source, expected_lines=2_248_619)
    return replace(evaluated(), dataset=msgspec.structs.replace(record, source=source, prompt=Prompt(**prompt)))


OF_AMAZON_TITLES = (
    "- **Its training data are old.** AmazonTitles-1.3MM was collected before 2014, so the adapter was not trained on newer "
    "products.\n",
    "- **It was trained on English text with the prompt above.** Other languages and other prompts were not tested.\n",
    "bhatia2016extreme",
    "mcauley2015image",
    "language:\n- en\n",
)


@pytest.mark.parametrize(
    ("about", "detected", "language"),
    [
        (About(), ["pt", "es"], "language:\n- pt\n- es\n"),
        (About(language=["de"]), ["en"], "language:\n- de\n"),
        (About(), None, ""),
    ],
)
def test_the_language_is_that_of_the_dataset(about: About, detected: list[str] | None, language: str) -> None:
    record = msgspec.structs.replace(dataset_record(), about=about, detected_languages=detected)
    card = render(replace(evaluated(), dataset=record))
    assert language in card and ("language:" in card) == bool(language)


def test_statements_about_amazon_titles_are_on_no_other_card() -> None:
    known = render(of_amazon_titles())
    assert all(sentence in known for sentence in OF_AMAZON_TITLES)
    for name in ("evaluated.md", "not_evaluated.md", "energy.md"):
        assert not re.search(r"AmazonTitles|2014|English|bhatia|mcauley|language:", cards()[name]), name
    own = render(of_amazon_titles(question="Descreva: {title}", product_word="produto"))
    assert "English text" not in own and "- **It was trained with the prompt above.**" in own
    assert "in place of `{title}`. The adapter was trained on this prompt only." in own and "this prompt only." in known
    several = render(of_amazon_titles(other_questions=["{title}?"]))
    assert "this prompt only" not in several and "English text" not in several


def test_books_are_named_only_if_there_are_some() -> None:
    inputs = of_amazon_titles(product_word="auto")
    without = msgspec.structs.replace(present(inputs.dataset), product_kinds={"unknown": 10})
    assert 'say "book"' in render(inputs) and 'say "book"' not in render(replace(inputs, dataset=without))


def test_a_measure_that_cannot_read_the_texts_is_on_the_card_as_not_measured() -> None:
    report = evaluation_record()
    nll, specificity, rouge = report.measures
    left_out = NotMeasured(name=rouge.name, label=rouge.label, read=0, n=200, lacking=["latin", "accents"])
    measures = [nll, msgspec.structs.replace(specificity, n=150)]
    report = msgspec.structs.replace(report, measures=measures, not_measured=[left_out], near_not_looked_for=50)
    card = render(replace(evaluated(), report=report))
    assert (
        "- ROUGE-L: it means nothing on texts in letters that are not Latin or in Latin letters other than a to z, and covers 0 of the 200 titles.\n"
        in card
    )
    assert card.count("ROUGE-L") == 1 and "| Specificity (on 150 of 200 titles) | 0.500 | 0.750 |" in card
    assert "because their description has no spaces between words: 50." in card
    assert [result.metric_type for result in metadata(card).eval_results] == ["nll_per_token", "specificity"]


def test_a_sample_that_the_primary_measure_cannot_read_is_shown_without_a_value() -> None:
    rows = [
        row | {"nll_per_token_before": None, "nll_per_token_after": None} if index == 5 else row
        for index, row in enumerate(ROWS)
    ]
    card = render(replace(evaluated(), rows=rows))
    assert (
        card.count("</table>") == 6 and "<i>NLL per token:</i> not measured before, not measured after (nats)" in card
    )


def test_the_card_counts_rows_without_a_search_for_near_copies() -> None:
    inputs = evaluated()
    records = named_records(inputs)
    records["dataset"]["leakage"]["test"] |= {"rows": 9, "near_measured": 4, "near_duplicates": 0}
    sentences = [claim.sentence for claim in render_claims(CLAIMS, records) if claim.id == "data.near-measured[test]"]
    assert sentences == [
        "- test split: the search for near-duplicates covers 4 of its 9 rows; the others have too few words, or no spaces between words."
    ]


def test_reports_of_an_older_version_are_skipped(tmp_path: Path) -> None:
    record = evaluation_record()
    old = (
        record.to_json().replace(b"titlecraft/evaluation/2", b"titlecraft/evaluation/1").replace(b'"spread"', b'"old"')
    )
    for name, raw in (("old", old), ("new", record.to_json()), ("other", b"[]")):
        (tmp_path / "evaluation" / name).mkdir(parents=True)
        (tmp_path / "evaluation" / name / "report.json").write_bytes(raw)
    assert reports(tmp_path, None, "ns/titles") == [record]


def test_a_dataset_from_several_files_lists_them() -> None:
    files = [
        SourceFile(name=f"part-{number:02d}.json", bytes=1000, sha256=f"{number:02d}" * 32, lines=1)
        for number in range(25)
    ]
    source = Source(files=files, lines=25, missing="part-03.json: the last line is cut after line 1")
    record = msgspec.structs.replace(dataset_record(), source=source)
    card = render_dataset_card(DatasetCardInputs("ns/data", record))
    assert "The source is 25 files with 25 lines in all.\n**Incomplete:** part-03.json: the last line is cut" in card
    assert (
        "\n| part-19.json | 1,000 | 1 | `191919191919` |\n| … | | | `dataset_record.json` lists all of them |\n\n| outcome"
        in card
    )
    assert "incomplete: part-03.json: the last line is cut after line 1. The dataset" in card
    assert "by file, line number, byte offset, length and reason" in card


if __name__ == "__main__":
    for name, text in cards().items():
        (HERE / name).write_text(text, encoding="utf-8")

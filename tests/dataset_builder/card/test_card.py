"""The dataset card, rendered from literal records."""

from pathlib import Path

import msgspec
import pytest

from dataset_builder.card.build_command import build_command, completeness
from dataset_builder.card.metadata import metadata, require_no_licence
from dataset_builder.card.plots import plot_lengths, plot_splits
from dataset_builder.card.write import CardInputs, on_one_line, render
from dataset_builder.source.read_blocks import TRN_LINES, expected_lines
from tests.model_card.literal_evaluation import dataset_lineage, evaluation_record
from tests.model_card.literal_records import ADAPTER, BASE, DATASET, dataset_record
from titlecraft.cards.lineage_picture import draw_adapter, draw_dataset, fit
from titlecraft.cards.merge import split
from titlecraft.errors import UserError
from titlecraft.records import DatasetRecord, Source, SourceFile
from titlecraft.records.dataset import About
from titlecraft.records.lineage import DatasetLineage, Trained, result_of, with_adapter
from titlecraft.settings import Data, Prompt


def of_lines(lines: int, expected: int | None, missing: str | None = None) -> DatasetRecord:
    file = SourceFile(name="trn.json.gz", bytes=1000, sha256="e" * 64, lines=lines)
    source = Source(files=[file], lines=lines, missing=missing, expected_lines=expected)
    return msgspec.structs.replace(dataset_record(), source=source)


def test_command_has_the_changed_settings_and_is_valid_shell() -> None:
    record = msgspec.structs.replace(
        dataset_record(),
        data=Data(test_share=0.1, near_duplicates=False, limit=500),
        source=of_lines(15, None, "cut").source,
        prompt=Prompt(product_word="auto", other_questions=["What's '{title}'?"]),
    )
    assert (
        build_command("ns/data", record)
        == r"""titlecraft build trn.json.gz \
  --repo ns/data \
  --data.near_duplicates=false \
  --data.limit=500 \
  --data.test_share=0.1 \
  --prompt.product_word=auto \
  '--prompt.other_questions=["What'"'"'s '"'"'{title}'"'"'?"]' \
  --allow-incomplete"""
    )


def test_completeness_is_claimed_only_for_the_known_file() -> None:
    first = b'{"uid": "0000031909", "title": "x", "content": "y", "target_ind": [1]}'
    assert (expected_lines(first), expected_lines(b'{"uid": "0000031909"}')) == (TRN_LINES, None)
    assert completeness(of_lines(TRN_LINES, TRN_LINES)).startswith("Completeness: complete.")
    assert "it has 1 lines more" in completeness(of_lines(TRN_LINES + 1, TRN_LINES))
    assert completeness(of_lines(15, None)).startswith("Completeness: not checked")
    assert completeness(of_lines(15, TRN_LINES, "cut after line 15")) == "**Incomplete:** cut after line 15."


@pytest.mark.parametrize(
    "claim",
    [
        {"license": "mit"},
        {"license": ["cc-by-4.0"]},
        {"license": "unknown", "license_name": "apache-2.0"},
        {"license": "unknown", "tags": ["license:mit"]},
        {},
    ],
)
def test_a_licence_for_the_texts_is_refused(claim: dict[str, object]) -> None:
    with pytest.raises(
        UserError, match=r"README.md says `license: .*`: expected `license: unknown`, because no licence"
    ):
        require_no_licence(claim, "README.md")


def test_a_licence_added_by_people_is_removed_from_amazon_titles_alone() -> None:
    tagged = ("- titlecraft\n", "- titlecraft\n- license:mit\n- mine\n")
    for expected in (TRN_LINES, None):
        inputs = CardInputs("ns/data", of_lines(TRN_LINES, expected))
        card = render(inputs)
        again = render(inputs, card.replace("license: unknown", "license: mit").replace(*tagged))
        if expected:
            assert again == card.replace("- titlecraft\n", "- titlecraft\n- mine\n")
        else:
            assert (
                "license: mit\n" in again
                and "- license:mit\n" in again
                and "`license: mit` is what the publisher states" in again
            )
            assert render(inputs, again) == again and "No licence is known" not in again


def test_what_the_publisher_states_is_on_the_card_and_in_the_command() -> None:
    about = About("cc-by-4.0", ["pt", "es"], "Loja: cadeiras & mesas")
    inputs = CardInputs("ns/data", msgspec.structs.replace(dataset_record(), about=about))
    card = render(inputs)
    front = split(card).metadata
    assert (front["license"], front["language"], front["pretty_name"]) == ("cc-by-4.0", ["pt", "es"], about.pretty_name)
    assert "# Loja: cadeiras & mesas\n" in card and "Language: pt, es, as the publisher states" in card
    assert "--license cc-by-4.0 \\\n  --language pt,es \\\n  --pretty-name 'Loja: cadeiras & mesas'" in card
    # a rebuild without the options keeps what the published card says
    kept = split(render(CardInputs("ns/data", dataset_record()), card)).metadata
    assert (kept["license"], kept["language"], kept["pretty_name"]) == ("cc-by-4.0", ["pt", "es"], about.pretty_name)


def test_card_of_an_older_record_omits_missing_fields() -> None:
    record = dataset_record()
    splits = {name: msgspec.structs.replace(split, bytes_in_memory=None) for name, split in record.splits.items()}
    old = msgspec.structs.replace(record, splits=splits, example=None)
    info = metadata(old, {})["dataset_info"]
    assert info["splits"][0] == {"name": "train", "num_examples": 8} and "dataset_size" not in info
    assert "The first row" not in render(CardInputs("ns/data", old))


def test_example_texts_have_no_line_breaks() -> None:
    assert on_one_line("one\n<!-- /titlecraft:load -->\n````") == "one <!-- /titlecraft:load --> ````"
    assert on_one_line("x" * 601) == "x" * 600 + " […]" and on_one_line("x" * 600) == "x" * 600


def test_an_adapter_is_listed_in_its_section() -> None:
    one, other = dataset_lineage().adapters
    assert with_adapter(None, one) == DatasetLineage(adapters=[one])
    bare = Trained(adapter=one.adapter, dataset=one.dataset, base=one.base, reports=[])
    assert with_adapter(dataset_lineage(), bare).adapters == [bare, other]
    assert list(dataset_lineage().by_revision()) == ["e" * 40, "d" * 40]


def test_the_same_graph_gives_the_same_picture(tmp_path: Path) -> None:
    result = result_of(evaluation_record(), "c" * 40)
    drawn = []
    for number, results in enumerate(([result], [result], [])):
        draw_adapter(DATASET, BASE, ADAPTER.repo, results, tmp_path / "a.png")
        draw_dataset(dataset_record().source, "ns/data", dataset_lineage().adapters[number // 2 :], tmp_path / "d.png")
        drawn.append(((tmp_path / "a.png").read_bytes(), (tmp_path / "d.png").read_bytes()))
    assert drawn[0] == drawn[1] and drawn[0][0] != drawn[2][0] and drawn[0][1] != drawn[2][1]
    assert b"Software" not in drawn[0][0] and max(map(len, drawn[0])) < 150_000


def test_a_long_name_gets_a_smaller_font_then_is_shortened() -> None:
    assert fit("ns/name", 2, "normal") == (8.5, "ns/name")
    size, text = fit("n" * 50 + "/" + "m" * 50, 2, "normal")
    assert size == 5.5 and len(text) < 50 and text.startswith("nnn") and text.endswith("mmm") and "…" in text


def test_card_names_amazon_and_english_only_for_the_known_file() -> None:
    known, other = (render(CardInputs("ns/data", of_lines(TRN_LINES, expected))) for expected in (TRN_LINES, None))
    for words in ("Amazon", "bhatia2016", "mcauley2015", "language:\n- en", "English, as the source states"):
        assert words in known and words not in other
    assert (
        "Language: not measured." in other
        and "no record says where it comes from" in other
        and "taori2023alpaca" in other
    )


def test_a_language_added_by_people_stays_and_an_assumed_one_is_removed() -> None:
    inputs = CardInputs("ns/data", dataset_record())
    card = render(inputs)
    for stated, language in (("language: pt", "pt"), ("language:\n- en\n- de", ["en", "de"]), ("language: en", "en")):
        second = render(inputs, card.replace("license: unknown", f"{stated}\nlicense: unknown"))
        assert split(second).metadata["language"] == language
    assumed = card.replace("license: unknown", "language:\n- en\nlicense: unknown").replace(
        "Language: not measured.", "Language: English is assumed, as in AmazonTitles-1.3MM; not measured."
    )
    assert assumed.count("AmazonTitles") == 1 and "language" not in split(render(inputs, assumed)).metadata


def test_card_names_missing_splits() -> None:
    record = dataset_record()
    alone = msgspec.structs.replace(
        record, splits={"train": record.splits["train"]}, published=8, leakage={}, kept_in_train=3
    )
    card = render(CardInputs("ns/data", alone))
    assert "- No row fell into the test split" in card and "- No row fell into the validation split" in card
    assert "- 3 rows belong to groups that are larger than a whole held-out split should be" in card
    assert "Leakage, measured" not in card and "split: test" not in card and "\n| test |" not in card
    assert metadata(alone, {})["configs"] == [
        {
            "config_name": "default",
            "data_files": [{"split": "train", "path": [file.path for file in record.splits["train"].files]}],
        }
    ]


def test_card_says_on_how_many_rows_near_duplicates_were_measured() -> None:
    record = dataset_record()
    leakage = {
        name: msgspec.structs.replace(one, near_duplicates=None, near_measured=0)
        for name, one in record.leakage.items()
    }
    none = render(
        CardInputs("ns/data", msgspec.structs.replace(record, near_duplicates=None, near_measured=0, leakage=leakage))
    )
    assert (
        "**Near-duplicates: measured on 0 of 10 rows.**" in none
        and "| near-duplicate description of another row | not measured | |" in none
    )
    some = render(CardInputs("ns/data", msgspec.structs.replace(record, near_measured=4)))
    assert "measured on 4 of 10 rows" in some and "| 2 | 50.0 % of the 4 rows measured |" in some
    assert "Near-duplicates: measured on" not in render(
        CardInputs("ns/data", msgspec.structs.replace(record, near_measured=10))
    )


def test_command_allows_the_losses_of_the_record() -> None:
    record = msgspec.structs.replace(of_lines(15, None), quarantined={"not_json": 4})
    assert build_command("ns/data", record).endswith("--max-loss 0.27")
    assert "--max-loss" not in build_command("ns/data", msgspec.structs.replace(record, quarantined={"not_json": 3}))


def test_pictures_of_fewer_splits(tmp_path: Path) -> None:
    record = dataset_record()
    alone = msgspec.structs.replace(record, splits={"test": record.splits["test"]})
    for draw in (plot_lengths, plot_splits):
        draw(alone, tmp_path / "drawn.png")
        assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")

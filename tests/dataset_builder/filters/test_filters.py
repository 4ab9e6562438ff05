"""Filters on what a description is about: named, optional, counted."""

import json
import re
from pathlib import Path

import pytest

from dataset_builder.checks.valid_settings import require_settings
from dataset_builder.filters.table import FILTERS, first_match
from dataset_builder.outcome import outcome_lines
from dataset_builder.source.parse import Drop
from tests.dataset_builder.build_offline import build_offline
from titlecraft.errors import UserError
from titlecraft.settings import Data

PRAISE = [
    "'Superb and gripping from the first page' Weekly Mirror 'A triumph.' The Daily Post",
    '"A warm and funny book that made me miss my stop." —Anna Park, author of Trains "Read it twice." —The Herald',
    "“At last a clear guide to oils.” John Dean, Guild of Herbs",
    "Praise for Maria Stone:‘An engrossing story.’ My Day‘A saga that moves.’ North Post",
    "Reviews for The Long Way 'Fine' Ann Lee, Review 'Well written, closely argued and never dull' Tom Day",
    "***** 'Shifts with ease from the present to a dark chapter of the war.' The Mirror",
]
BIOGRAPHIES = [
    "Richard Vale is the author of over a dozen books about comedy.",
    "Jill Barrow was born in Epping in 1951. After an accident she began to draw mice.",
    "Dr. Ada J. Moore is professor of history at the university of Leeds, and lives in York.",
    "About the Author\nTom Reed has cooked since he was nine.",
    "Marlow Press is a leading publisher of maps and illustrated works for travellers.",
]
REVIEWS = [
    "Starred Review. A baker finds a letter in a sack of flour, and her town is never the same.",
    "This volume tells of nine winters at sea, with charts. Recommended for most libraries.- Ann Lee, Univ. of Leeds Lib., York",
    "A girl and a whale share one summer in this quiet tale, told in nine letters to her uncle. (Oct.)",
    "Grade 3-6-A boy builds a boat from doors, and sails it across a flooded school yard.",
    "The maps alone are worth the walk, and the text explains each of them in plain words.--Rose Hill",
    "Nine dinners from the south, each with a story. 40,000 first printing; author tour.",
]
DESCRIPTIONS = [
    "'Come here,' he said, and the door fell shut behind them. A novel about nine nights in a lighthouse.",
    "A steel kettle for 1.5 litres. It whistles when the water boils, and its handle stays cool.",
    "Miss Marlow is back: in this book she solves the case of the author who was born twice.",
    "This text introduces students to applied statistics, with 'real' data and \"worked\" examples in each chapter.",
    "Richard Vale tells the story of this island, where he was born, in nine walks along its coast.",
    "The lamp is a lamp for readers: it was designed by a professor, and this edition has a brass foot.",
    "纯棉T恤,透气吸汗,夏季必备,适合男女老少日常穿着,颜色多样,尺码齐全,洗后不变形,性价比很高。",
    "Eine Kanne aus Stahl für anderthalb Liter. Sie pfeift, wenn das Wasser kocht, und der Griff bleibt kühl.",
    "It's the chef's favourite pan: 'non-stick', dishwasher-safe, and it's made for the chef's own kitchen at home.",
    "Whales of the World shows 90 species (Oct. to May) with maps; it comes with a poster of the blue whale.",
]


@pytest.mark.parametrize(
    ("name", "texts"), [("praise", PRAISE), ("biography", BIOGRAPHIES), ("review", REVIEWS), (None, DESCRIPTIONS)]
)
@pytest.mark.parametrize("lines", [False, True])
def test_what_a_filter_is_named_after(name: str | None, texts: list[str], lines: bool) -> None:
    for text in texts:
        shown = re.sub(r"(?<=[a-z]{3})\. ", ".\n", text) if lines else text
        assert first_match("Nine Nights", shown, [one for one in FILTERS if one != "short"]) == name, shown


def test_short_counts_wide_letters_twice() -> None:
    assert first_match("T", "x" * 59, ["short"]) == "short" and first_match("T", "x" * 60, ["short"]) is None
    assert first_match("T", "水" * 30, ["short"]) is None and first_match("T", "水" * 29, ["short"]) == "short"


def test_a_person_of_the_title_is_what_the_book_is_about() -> None:
    text = "Rosa Field was born in Leeds in 1890, and led the strike of the weavers, as writers of the time report."
    assert first_match("Rosa Field: a Life", text, list(FILTERS)) is None
    assert first_match("Strikes", text, list(FILTERS)) == "biography"


@pytest.mark.parametrize("opening", ["'", '"', "‘", "“", "A (", "Praise for ", "--", "By A. B. C. D. E. ", "Mr. "])
def test_time_is_linear(opening: str) -> None:
    import time

    started = time.process_time()
    assert first_match("T", opening * 20_000, list(FILTERS)) in (None, "praise", "biography", "review")
    assert time.process_time() - started < 2


def test_filters_are_off_unless_named_and_counted_by_name(tmp_path: Path) -> None:
    texts = [*PRAISE, *BIOGRAPHIES, *REVIEWS, *DESCRIPTIONS, "A short but whole line."]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps({"title": f"T{n}", "content": one}) + "\n" for n, one in enumerate(texts)))
    off = Data(test_share=0.0, validation_share=0.0)
    assert build_offline(source, tmp_path / "off", off).published == len(texts)
    record = build_offline(
        source, tmp_path / "on", Data(test_share=0.0, validation_share=0.0, filters=["review", "praise"])
    )
    assert record.dropped == {"praise": len(PRAISE), "review": len(REVIEWS)} and record.data.filters == [
        "review",
        "praise",
    ]
    assert "  dropped: praise 6 (21.4 %)" in outcome_lines(record)


def test_names_are_checked() -> None:
    assert set(FILTERS) <= set(Drop)
    for names, message in ((["praise", "prose"], "has 'prose': there are short, praise"), (["short"] * 2, "twice")):
        with pytest.raises(UserError, match=message):
            require_settings(Data(filters=names))

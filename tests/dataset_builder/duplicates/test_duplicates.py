"""Repeated rows, surplus copies and near-duplicates."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builder.card.write import near_label
from dataset_builder.checks.leakage import Sketches, near_rows
from dataset_builder.duplicates.near_duplicates import SketchFile, near_duplicates
from dataset_builder.duplicates.repeated import repeated_rows, surplus_copies
from dataset_builder.duplicates.sketch import has_words, measurable, resemblance, sketch
from dataset_builder.outcome import outcome_lines
from tests.dataset_builder.build_offline import build_offline
from titlecraft.search.scripts import units
from titlecraft.search.word_ngrams import shingles
from titlecraft.settings import Data

T = TypeVar("T")
R = TypeVar("R")
WORDS = [f"word{number}" for number in range(400)]


def text(seed: int, length: int = 120) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, length).tolist())


def edited(original: str, *places: int) -> str:
    words = original.split()
    for place in places:
        words[place] = "changed"
    return " ".join(words)


def test_the_first_of_equal_rows_stays() -> None:
    assert repeated_rows(np.array([5, 3, 5, 5, 3, 1], np.uint64)).tolist() == [False, False, True, True, True, False]


def test_surplus_copies_do_not_depend_on_the_order() -> None:
    contents = np.array([9, 9, 9, 9, 2, 9], np.uint64)
    titles = np.array([50, 10, 40, 20, 60, 30], np.uint64)
    surplus = surplus_copies(contents, titles, 3)
    assert surplus.tolist() == [True, False, True, False, False, False]
    assert surplus_copies(contents[::-1], titles[::-1], 3)[::-1].tolist() == surplus.tolist()


def test_resemblance_is_jaccard_of_word_5_grams() -> None:
    one = text(0, 100)
    assert resemblance(one, one.upper()) == 1.0
    assert resemblance(one, edited(one, 50)) == 91 / 101  # 96 runs each, 5 of them changed
    assert resemblance("two words", "two words") == 1.0 and resemblance("two words", "other words") == 0.0
    assert resemblance("a b c d e", "a b c d") == 0.0


@given(st.lists(st.lists(st.sampled_from(["a", "bb", "é", "日本", "x" * 50]), max_size=9).map(" ".join), max_size=6))
@settings(max_examples=60)
def test_shingles_equal_those_of_plain_python(texts: list[str]) -> None:
    hashes, borders = shingles(texts, 5)
    seen: dict[str, int] = {}
    for number, text in enumerate(texts):
        words = units(text).split(" ")
        runs = [" ".join(words[index : index + 5]) for index in range(max(1, len(words) - 4))]
        ours = hashes[int(borders[number]) : int(borders[number + 1])].tolist()
        assert len(ours) == len(runs)
        for run, key in zip(runs, ours, strict=True):
            assert seen.setdefault(run, key) == key
    assert len(set(seen.values())) == len(seen)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("one two three four five", True),
        ("one two three four", False),
        ("", False),
        ("caf\u00e9 au lait pour deux", True),
        ("Это чайник из нержавеющей стали", True),
        ("यह स्टील की केतली दो परतों वाली है", True),
        ("هذه الغلاية مصنوعة من الفولاذ القوي", True),
        ("이 주전자는 두 겹의 스테인리스 강으로", True),
        ("这款不锈钢水壶 采用双层真空设计 保温时间长 壶口宽大 便于清洗 适合办公室", True),
        ("材質 ステンレス鋼 容量 一リットル半 色 紺色 保温 二十四時間", True),
        ("กาน้ำสแตนเลส ใช้ระบบ สุญญากาศ สองชั้น เก็บความร้อน ได้ยาวนาน", True),
        ("A steel kettle of the brand 小米 that holds one litre", True),
        ("Kettle 1.5 L 不锈钢水壶采用双层真空设计 steel 2 years", True),
        ("不锈钢壶", False),
    ],
)
def test_measurable_texts(content: str, seen: bool) -> None:
    assert has_words(content) is seen and measurable([content, "a b c d e"]).tolist() == [seen, True]


NEAR = {
    "zh": "这款第{n}号不锈钢水壶采用双层真空设计,保温时间长达二十四小时,壶口宽大便于清洗,适合办公室和户外露营使用",
    "ja": "第{n}版のステンレス製やかんは二重真空構造で、二十四時間の保温が可能です。口が広くて洗いやすく、オフィスに最適です。",
    "th": "กาน้ำสแตนเลสรุ่นที่{n}ใช้ระบบสุญญากาศสองชั้นเก็บความร้อนได้ยาวนานถึงยี่สิบสี่ชั่วโมงปากกว้างทำความสะอาดง่าย",
    "hi": "यह स्टील की केतली संख्या {n} दो परतों वाली है और चौबीस घंटे तक पानी को गर्म रखती है और इसका मुँह चौड़ा है इसलिए इसे साफ करना आसान है और यह दफ्तर के लिए ठीक है",
}


@pytest.mark.parametrize("language", NEAR)
def test_near_duplicates_of_every_script_are_grouped(language: str, tmp_path: Path) -> None:
    """Near-copies in scripts without spaces, and English texts of their own beside them."""
    contents = [NEAR[language].format(n=n) for n in range(40)] + [text(n) for n in range(160)]
    rows = [json.dumps({"title": f"{language} {n}", "content": one}) + "\n" for n, one in enumerate(contents)]
    (tmp_path / "rows.jsonl").write_text("".join(rows))
    record = build_offline(tmp_path / "rows.jsonl", tmp_path / "work", Data(test_share=0.2, validation_share=0.1))
    assert (record.near_measured, record.near_duplicates) == (200, 40)
    for one in record.leakage.values():
        assert one.near_measured == one.rows and one.near_duplicates == 0


def test_texts_of_few_words_are_not_measured(tmp_path: Path) -> None:
    rows = [
        json.dumps({"title": f"t {n}", "content": f"Kettle-number-{n} is-made-of-steel"}) + "\n" for n in range(100)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(rows))
    record = build_offline(tmp_path / "rows.jsonl", tmp_path / "work", Data(test_share=0.2, validation_share=0.1))
    assert (record.near_measured, record.near_duplicates) == (0, None)
    assert {(one.near_measured, one.near_duplicates) for one in record.leakage.values()} == {(0, None)}
    assert "near-duplicates: measured on 0 of 100 rows" in outcome_lines(record)[-1]
    assert near_label(record.leakage["test"]) == near_label(record.leakage["validation"])


def test_near_duplicates_of_a_sample_count_published_rows(tmp_path: Path) -> None:
    rows = [json.dumps({"title": f"T {n}", "content": text(n // 2) + f" number {n}"}) + "\n" for n in range(600)]
    (tmp_path / "rows.jsonl").write_text("".join(rows))
    record = build_offline(tmp_path / "rows.jsonl", tmp_path / "work", Data(limit=100))
    assert record.near_duplicates == record.near_measured == record.published < 200


def in_this_process(function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
    """As `worker_processes(1)` does it."""
    return map(function, tasks)


def saved(path: Path, texts: list[str]) -> Path:
    file = SketchFile(path)
    file.append(sketch(texts))
    file.close()
    return path


def test_near_duplicates_are_found_and_others_are_not(tmp_path: Path) -> None:
    """2000 texts, each with a copy in which two words of 120 are changed (similarity 0.84), and 2000 strangers."""
    originals = [text(seed) for seed in range(2000)]
    copies = [edited(one, 30, 80) for one in originals]
    strangers = [text(10_000 + seed) for seed in range(2000)]
    sketches = saved(tmp_path / "sketches.bin", originals + copies + strangers)
    pairs = near_duplicates(sketches, np.arange(6000), in_this_process)
    assert (pairs[:, 1] - pairs[:, 0] == 2000).all()
    assert len(pairs) >= 1996
    assert near_duplicates(sketches, np.arange(0), in_this_process).shape == (0, 2)


def test_leakage_counts_shared_rows_across_splits(tmp_path: Path) -> None:
    """Without grouping near-duplicates leak; with it they do not; and the measure does not trust the grouping."""
    rows = [
        f'{{"title": "T{seed}", "content": "{text(seed)}"}}\n{{"title": "U{seed}", "content": "{edited(text(seed), 40)}"}}\n'
        for seed in range(1500)
    ]
    path = tmp_path / "rows.json"
    path.write_text("".join(rows))
    data = Data(validation_share=0.1, test_share=0.1)
    record = build_offline(path, tmp_path / "grouped", data)
    assert record.near_duplicates == 3000
    assert {name: leakage.near_duplicates for name, leakage in record.leakage.items()} == {"test": 0, "validation": 0}
    off = build_offline(path, tmp_path / "off", replace(data, near_duplicates=False))
    assert off.near_duplicates is None and {one.near_duplicates for one in off.leakage.values()} == {None}


def test_leakage_finds_near_duplicates_that_were_not_grouped(tmp_path: Path) -> None:
    import pyarrow as pa

    import dataset_builder.shards.write as shards
    from dataset_builder.shards.alpaca import COLUMNS, SCHEMA, write_parquet
    from dataset_builder.source.block import text_key
    from titlecraft.records import describe_file

    texts = {
        "train": [text(seed) for seed in range(50)],
        "test": [edited(text(3), 40), edited(text(4), *range(0, 120, 6)), text(99)],
    }
    results = {}
    (tmp_path / "data").mkdir()
    for split, outputs in texts.items():
        table = pa.Table.from_arrays(
            [pa.array(outputs if name == "output" else [""] * len(outputs)) for name in COLUMNS], schema=SCHEMA
        )
        write_parquet([table], tmp_path / "data" / f"{split}.parquet")
        keys = np.array([text_key(one) for one in outputs], np.uint64)
        file = describe_file(tmp_path, tmp_path / "data" / f"{split}.parquet")
        results[split] = [shards.ShardResult(split, file, 0, keys, keys, np.zeros(len(outputs), np.int32), Counter())]
    ours, theirs = results["test"][0].outputs, results["train"][0].outputs
    sketches = Sketches(
        np.concatenate([ours, theirs]),
        saved(tmp_path / "sketches.bin", texts["test"] + texts["train"]),
        np.ones(53, bool),
    )
    near = near_rows(tmp_path, results["test"], results["train"], sketches, in_this_process)
    assert near.tolist() == [True, False, False]

"""Comparison of two reports: common titles, refusals, and the command on an embedded Hub."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi

from evaluation.measures import MEASURES
from evaluation.report import wording
from evaluation.report.pages import draw_plots, render_page
from evaluation.side_by_side.comparison import ComparisonRecord, Published, compare_reports
from local_hub.server import RunningHub, start, stop
from tests import ROOT
from tests.evaluation.report.literal_report import SETTINGS, predictions, record_of
from tests.warm import PYTHON
from titlecraft.errors import UserError
from titlecraft.records import EvaluationRecord, Pin, describe_file, read_record

pytestmark = pytest.mark.slow


def published(rows: list[dict[str, Any]], repo: str = "titlecraft/a", **changes: Any) -> Published:
    pin = Pin(type="model", repo=repo, revision="c" * 40)
    return Published(pin, msgspec.structs.replace(record_of(rows), adapter=pin, n=len(rows), **changes), rows)


def better_rows() -> list[dict[str, Any]]:
    """40 rows of an adapter that is better than that of `predictions` by 0.24 to 0.26; 8 of them are not in the other report."""
    rows = predictions()
    for n, row in enumerate(rows):
        row |= {"after": f"Lantern {n}", "uid": f"X{n}" if n >= 32 else row["uid"]}
        for entry in MEASURES:
            row[f"{entry.name}_after"] += (-1 if entry.better == "lower" else 1) * (0.25 + (n % 3 - 1) / 100)
    rows[3]["nll_per_token_before"] = 3.125
    return rows


def test_the_difference_is_between_the_adapters_on_common_titles() -> None:
    rows = better_rows()
    rows[0] |= {"reference_tokens": 9}  # cut elsewhere: other tokens were scored
    record, pairs = compare_reports(published(predictions()), published(rows, "titlecraft/b"))
    assert (record.n, record.a.n, record.b.n, len(pairs)) == (31, 40, 40, 31)
    primary = record.primary()
    assert primary.before == pytest.approx(2.74) and primary.after == pytest.approx(2.49)  # 3 − 0.1 − 16 / 100
    assert primary.difference == pytest.approx(-0.25) and (primary.wins, primary.losses) == (31, 0)
    assert record.base_apart == 0.125
    assert pairs[0]["before"] == "Lamp" and pairs[0]["after"] == "Lantern 1" and pairs[0]["uid"] == "B1"
    assert wording.answer(record) == (
        "Adapter B has a lower NLL per token than adapter A by 0.250 nats (95% interval 0.247 to 0.253) on 31 titles of both "
        "reports: B is better."
    )
    assert wording.verdict(record, primary) == "B better"


def test_an_adapter_against_itself_shows_no_difference() -> None:
    record, _ = compare_reports(published(predictions()), published(predictions()))
    assert {(measure.difference, measure.p_value, measure.verdict()) for measure in record.measures} == {
        (0.0, 1.0, "no measured difference")
    }
    assert wording.answer(record) == (
        "No measured difference in NLL per token between the adapters A and B: 0.000 nats (95% interval 0.000 to 0.000) on "
        "40 titles of both reports."
    )


def test_unreadable_values_of_older_reports_are_left_out() -> None:
    """Reports of early versions have numbers for Chinese texts; current reports have null."""
    older, newer = published(predictions()), published(better_rows()[:32], "titlecraft/b")
    for row in (*older.rows, *newer.rows):
        row |= {"reference": "这款红色水壶容量2升。采用不锈钢制造。", "title": f"水壶{row['uid']}"}
    for row in newer.rows:
        row |= {"rouge_l_after": None, "bleu_after": None}
    record, pairs = compare_reports(older, newer)
    names = {measure.name for measure in record.measures}
    assert names == {"nll_per_token", "contextualisation", "bits_per_byte", "chrf", "length_ratio", "stop_rate"}
    assert {measure.name for measure in record.left_out()} == {entry.name for entry in MEASURES} - names
    assert pairs[0]["rouge_l_before"] is None and pairs[0]["chrf_before"] is not None
    assert read_record(record.to_json(), ComparisonRecord, "it") == record
    page = render_page("compare.html.jinja", record, pairs, draw_plots(record, pairs))
    assert (
        "ROUGE-L: not measured; it means nothing on texts in letters that are not Latin, and reads 0 of 32 titles"
        in page
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"dataset": Pin(type="dataset", repo="titlecraft/data", revision="d" * 40)},
            "dataset is titlecraft/data@bbbbbbbbbbbb in A and titlecraft/data@dddddddddddd in B",
        ),
        (
            {"base": Pin(type="model", repo="titlecraft/other", revision="a" * 40)},
            "base is titlecraft/tiny@aaaaaaaaaaaa in A and titlecraft/other@aaaaaaaaaaaa in B",
        ),
        ({"evaluation": replace(SETTINGS, seed=8)}, "evaluation.seed is 7 in A and 8 in B"),
        (
            {"generation": replace(record_of(predictions()).generation, max_new_tokens=32)},
            "generation.max_new_tokens is 64 in A and 32 in B",
        ),
    ],
)
def test_reports_with_different_inputs_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        compare_reports(published(predictions()), published(predictions(), "titlecraft/b", **change))
    assert message in str(refused.value) and "same recipe" in str(refused.value) and "\n" not in str(refused.value)


def test_too_few_common_titles_are_refused() -> None:
    rows = predictions()
    for row in rows[29:]:
        row["uid"] += "x"
    with pytest.raises(UserError, match=r"have 29 titles in common \(40 and 40 were asked\): a comparison needs 30"):
        compare_reports(published(predictions()), published(rows))


def test_a_report_that_lacks_a_current_measure_is_refused() -> None:
    old = published(predictions(), "titlecraft/b")
    for row in old.rows:
        del row["coherence_after"]
    with pytest.raises(
        UserError, match=r"another version of Titlecraft and lacks coherence: evaluate titlecraft/b anew"
    ):
        compare_reports(published(predictions()), old)


def upload_report(api: HfApi, folder: Path, repo: str, id: str, rows: list[dict[str, Any]]) -> None:
    """Upload a report with these rows in one commit."""
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "predictions.parquet")
    record: EvaluationRecord = msgspec.structs.replace(
        published(rows, repo).record, id=id, files=[describe_file(folder, folder / "predictions.parquet")]
    )
    (folder / "report.json").write_bytes(record.to_json())
    api.create_repo(repo, private=True, exist_ok=True)
    api.upload_folder(repo_id=repo, folder_path=folder, path_in_repo=f"evaluation/{id}")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    root = tmp_path_factory.mktemp("hub")
    running = start(root / "hub")
    api = HfApi(endpoint=running.url, token=running.token)
    upload_report(api, root / "a", "titlecraft/a", "aaaa", predictions())
    upload_report(api, root / "b1", "titlecraft/b", "ffff", predictions())
    api.create_repo("titlecraft/empty", private=True)
    sleep(1.1)  # a commit's date has whole seconds
    upload_report(api, root / "b2", "titlecraft/b", "eeee", better_rows())
    yield running
    stop(root / "hub")


def compare(hub: RunningHub, home: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run `titlecraft evaluate` in a process of its own."""
    command = [PYTHON, "-m", "titlecraft.command_line.main", "evaluate", *arguments]
    environment = os.environ | hub.environment(home) | {"COLUMNS": "100"}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_the_command_takes_the_newest_reports_and_writes_both_files(hub: RunningHub, tmp_path: Path) -> None:
    process = compare(
        hub, tmp_path / "home", "--compare", "titlecraft/a", "titlecraft/b", "--out", str(tmp_path / "out")
    )
    assert process.returncode == 0, process.stderr
    assert "report aaaa" in process.stdout and "report eeee" in process.stdout and "B better" in process.stdout
    record = read_record((tmp_path / "out" / "compare.json").read_bytes(), ComparisonRecord, "compare.json")
    assert (record.n, record.a.report_id, record.b.report_id) == (32, "aaaa", "eeee")
    page = (tmp_path / "out" / "compare.html").read_text()
    assert wording.answer(record) in page and page.count("<article") == 32 and "Lantern 5" in page
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"compare.json", "compare.html"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--compare", "titlecraft/a", "titlecraft/b:evaluation/1234", "--out", "x"),
            "has no evaluation/1234/report.json with its predictions.parquet; its reports: titlecraft/b:evaluation/eeee, titlecraft/b:evaluation/ffff",
        ),
        (
            ("--compare", "titlecraft/a", "titlecraft/empty", "--out", "x"),
            "has no report: make one with `titlecraft evaluate --adapter titlecraft/empty`",
        ),
        (
            ("--compare", "titlecraft/a", "titlecraft/b", "--out", "x", "--evaluation.confidence=0.9"),
            "the two reports fix their settings; leave out --recipe, --also, --fresh, --evaluation.*",
        ),
        (
            ("--compare", "titlecraft/a", "titlecraft/b"),
            "expected either --adapter REPO, or --compare REPORT_A REPORT_B --out FOLDER",
        ),
    ],
)
def test_incomparable_reports_are_refused_in_one_line(
    hub: RunningHub, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    process = compare(hub, tmp_path / "home", *arguments)
    assert process.returncode == 2 and message in process.stderr and "Traceback" not in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1

"""A judge by a rule over a report's answers: win rate by hand, biased judges exposed, answers without verdict, failing endpoints."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from evaluation.preference import endpoint
from evaluation.preference.endpoint import Endpoint
from evaluation.preference.judged import judge_pairs
from evaluation.preference.pairs import Pair, pairs_of
from evaluation.preference.prompt import PROMPT_SHA256, Verdict, prompt_of, verdict_of
from evaluation.preference.record import PreferenceRecord
from evaluation.preference.show import print_preference, render_preference, sentence, warnings, write_preference
from evaluation.preference.win_rate import score_of, share_of
from tests.evaluation.preference.judged_reports import (
    better,
    first_text,
    longer,
    mixed_rows,
    report_with,
    rows_with,
)
from tests.evaluation.preference.scripted_judge import Rule, ScriptedJudge, running_judge
from tests.evaluation.report.literal_report import SETTINGS
from titlecraft.errors import UserError
from titlecraft.records import read_record


@pytest.fixture(scope="module")
def endpoint_of_tests() -> Iterator[ScriptedJudge]:
    with running_judge() as judge:
        yield judge


@pytest.fixture
def judge(endpoint_of_tests: ScriptedJudge, monkeypatch: pytest.MonkeyPatch) -> ScriptedJudge:
    monkeypatch.setattr(endpoint, "RETRIES", 0)
    monkeypatch.delenv("JUDGE_API_KEY", raising=False)
    endpoint_of_tests.status, endpoint_of_tests.models = 200, ("scripted",)
    endpoint_of_tests.requests.clear()
    endpoint_of_tests.keys.clear()
    return endpoint_of_tests


def judged(judge: ScriptedJudge, rule: Rule, tmp_path: Path, rows: list | None = None) -> PreferenceRecord:
    judge.rule = rule
    pairs = pairs_of(report_with(mixed_rows() if rows is None else rows), None)
    return judge_pairs(pairs, Endpoint.open(judge.url, None), tmp_path / "answers.jsonl")


def test_a_fair_judge_and_its_win_rate_by_hand(
    judge: ScriptedJudge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-of-another-endpoint")
    record = judged(judge, better, tmp_path)
    assert (record.wins, record.ties, record.losses, record.votes, record.no_verdict) == (30, 0, 10, 80, 0)
    values = np.array([1.0] * 30 + [0.0] * 10)
    residuals = np.append(values - 0.75, [0.75, -0.75])  # two pseudo-observations at the largest deviation
    reach = stats.t.ppf(0.975, 41) * np.sqrt(residuals @ residuals * 42 / 41) / 42
    rate = record.win_rate
    assert (rate.share, rate.n) == (0.75, 40)
    assert (rate.low, rate.high) == pytest.approx((0.75 - reach, 0.75 + reach), abs=1e-9)
    assert record.first_shown is not None and record.first_shown.share == 0.5
    assert record.orders_agree is not None and record.orders_agree.share == 1.0
    assert record.length.longer_wins is not None and record.length.longer_wins.share == 0.5
    assert warnings(record) == [] and sentence(record).startswith(
        "The judge prefers after: after wins 75.0% of 40 titles"
    )
    assert record.judge and (record.judge.model, record.judge.revision) == ("scripted", "fp-1")
    assert (record.judge.endpoint, record.judge.prompt_sha256) == ("this machine", PROMPT_SHA256)
    assert {body["temperature"] for body in judge.requests} == {0.0} and judge.keys == {"Bearer none"}
    assert judge.url not in record.to_json().decode()
    pairs = pairs_of(report_with(mixed_rows()), None)
    write_preference(record, pairs, tmp_path / "out")
    assert read_record((tmp_path / "out/preference.json").read_bytes(), PreferenceRecord, "it") == record
    page = (tmp_path / "out/preference.html").read_text()
    assert page == render_preference(record, pairs) and page.count("<article") == 40
    assert "<script>alert" not in page and "75.0% (" in page and "scripted" in page
    print_preference(record)
    assert "win rate of after, ties half" in capsys.readouterr().out


def test_a_judge_of_positions_gives_ties_and_is_exposed(judge: ScriptedJudge, tmp_path: Path) -> None:
    record = judged(judge, first_text, tmp_path)
    assert (record.wins, record.ties, record.losses, record.win_rate.share) == (0, 40, 0, 0.5)
    assert record.first_shown is not None and record.first_shown.share == 1.0
    position, orders = warnings(record)
    assert position == "Position bias: 100.0% of the answers prefer the text that is shown first, ties half."
    assert orders.startswith("The two orders agree for 0.0% of the titles only")
    assert sentence(record).startswith("No measured preference between before and after: after wins 50.0%")


def test_a_judge_of_lengths_is_exposed(judge: ScriptedJudge, tmp_path: Path) -> None:
    record = judged(judge, longer, tmp_path)
    length = record.length
    assert length.longer_wins and length.when_longer and length.when_shorter
    assert (length.longer_wins.share, length.when_longer.share, length.when_shorter.share) == (1.0, 1.0, 0.0)
    (warning,) = warnings(record)
    assert warning == (
        "Length bias: the longer text wins 100.0% of 40 titles with a winner; after wins 100.0% where it is longer and 0.0% where "
        "it is shorter: the winner follows the length."
    )
    assert record.first_shown is not None and record.first_shown.share == 0.5


def test_a_shorter_answer_that_is_better_is_no_length_bias_of_both_kinds(judge: ScriptedJudge, tmp_path: Path) -> None:
    rows = rows_with([f"poor {n} and long" for n in range(40)], [f"good {n}" for n in range(40)])
    (warning,) = warnings(judged(judge, better, tmp_path, rows))
    assert warning.startswith("Length bias: the shorter text wins 100.0%") and (
        "after is longer for 0 of 40 titles: length and preference cannot be told apart" in warning
    )


def test_a_preference_at_either_length_is_not_by_length_alone(judge: ScriptedJudge, tmp_path: Path) -> None:
    rows = rows_with([f"poor {n:02}" for n in range(40)], [f"good {n:02} and on" if n < 29 else f"good {n}"[:6] for n in range(40)])  # fmt: skip
    record = judged(judge, better, tmp_path, rows)
    assert record.length.when_longer is not None and record.length.when_longer.n == 29
    (warning,) = warnings(record)
    assert warning.endswith("after wins 100.0% where it is longer and 100.0% where it is shorter: not length alone.")


def test_equal_texts_are_ties_that_nobody_is_asked_about(judge: ScriptedJudge, tmp_path: Path) -> None:
    rows = rows_with(["poor"] * 30 + ["same"] * 10, ["good"] * 30 + ["same "] * 10)
    record = judged(judge, better, tmp_path, rows)
    assert (record.identical, record.wins, record.ties, record.votes, record.win_rate.share) == (10, 30, 10, 60, 0.875)
    assert len({body["messages"][0]["content"] for body in judge.requests}) == 60


def test_answers_without_verdict_are_counted_and_too_many_refused(judge: ScriptedJudge, tmp_path: Path) -> None:
    def sometimes(title: str, first: str, second: str) -> str:
        return "I like both" if {"good 4", "good 8"} & {" ".join(text.split()[:2]) for text in (first, second)} else better(title, first, second)  # fmt: skip

    record = judged(judge, sometimes, tmp_path)
    assert (record.no_verdict, record.win_rate.n, record.wins, record.losses) == (2, 38, 28, 10)
    assert warnings(record) == ["2 of 40 titles have no verdict and are left out."]
    with pytest.raises(
        UserError, match=r"80 of 80 answers of scripted have no verdict such as \[\[1\]\]: expected at most 10%"
    ):
        judged(judge, lambda title, first, second: "as a language\nmodel", tmp_path / "..")


def test_a_failing_endpoint_loses_no_answer(judge: ScriptedJudge, tmp_path: Path) -> None:
    def fails_later(title: str, first: str, second: str) -> str:
        judge.status = 500 if len(judge.requests) > 20 else 200
        return better(title, first, second)

    with pytest.raises(
        UserError, match=r"failed: .*refused.* keeps the \d+ answers so far: run the same command"
    ) as refused:
        judged(judge, fails_later, tmp_path)
    assert "\n" not in str(refused.value)
    kept = len((tmp_path / "answers.jsonl").read_text().splitlines())
    with (tmp_path / "answers.jsonl").open("a") as file:
        file.write('{"key": "cut')
    judge.status = 200
    judge.requests.clear()
    record = judged(judge, better, tmp_path)
    assert record.win_rate.share == 0.75 and len(judge.requests) == 80 - kept and 20 <= kept < 80
    lines = (tmp_path / "answers.jsonl").read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 80


@pytest.mark.parametrize(
    ("models", "asked", "message"),
    [
        ((), "URL", r"has 0 models; name one with --judge-model"),
        (("x", "y"), "URL", r"has 2 models; name one with --judge-model: x, y"),
        (("x",), "http://127.0.0.1:1/v1", r"no list of models at http://127.0.0.1:1/v1/models: no connection"),
        (
            ("x",),
            "PAGE",
            r"/page/models is no list of models; expected an OpenAI-compatible endpoint, whose address often ends in /v1",
        ),
        (("x",), "somewhere", r"--judge somewhere: expected the address of an OpenAI-compatible endpoint"),
    ],
)
def test_what_is_no_judge_is_refused(judge: ScriptedJudge, models: tuple[str, ...], asked: str, message: str) -> None:
    judge.models = models
    with pytest.raises(UserError, match=message) as refused:
        Endpoint.open({"URL": judge.url, "PAGE": judge.url.replace("/v1", "/page")}.get(asked, asked), None)
    assert "\n" not in str(refused.value)


def test_a_refused_key_names_the_variable(judge: ScriptedJudge, tmp_path: Path) -> None:
    judge.status = 401
    with pytest.raises(UserError, match=r"status 401, the key is not accepted; the environment variable JUDGE_API_KEY"):
        judged(judge, better, tmp_path)


def test_a_web_page_is_no_answer(judge: ScriptedJudge, tmp_path: Path) -> None:
    pairs = pairs_of(report_with(mixed_rows()), None)
    with pytest.raises(UserError, match=r"failed: the reply is no chat completion; expected an OpenAI-compatible"):
        judge_pairs(pairs, Endpoint.open(judge.url.replace("/v1", "/page"), "x"), tmp_path / "answers.jsonl")


def test_a_model_of_the_hub_is_asked_through_its_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUDGE_API_KEY", raising=False)
    monkeypatch.setattr(endpoint, "get_token", lambda: "hf_of_tests")
    monkeypatch.setattr(endpoint, "endpoint", lambda: "http://127.0.0.1:1")
    with pytest.raises(
        UserError, match=r"need a token of the public Hub: .* or set JUDGE_API_KEY where --hub is another"
    ):
        Endpoint.open("meta/judge", None)
    monkeypatch.setattr(endpoint, "endpoint", lambda: endpoint.PUBLIC_HUB)
    opened = Endpoint.open("meta/judge", None)
    assert (opened.url, opened.model, opened.kind) == (
        endpoint.PROVIDERS,
        "meta/judge",
        "Hugging Face inference provider",
    )
    monkeypatch.setattr(endpoint, "get_token", lambda: None)
    with pytest.raises(UserError, match=r"inference providers need a token of the public Hub"):
        Endpoint.open("meta/judge", None)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("It is better. [[1]]", "1"),
        ("[[ TIE ]]", "tie"),
        ("<think>[[1]] or [[2]]?</think>[[2]]", "2"),
        ("[[1]], no, [[2]]", "no verdict"),
        ("[[1]] and again [[1]]", "1"),
        ("[1]", "no verdict"),
        ("[[3]]", "no verdict"),
        ("", "no verdict"),
    ],
)
def test_verdicts(answer: str, verdict: str) -> None:
    assert verdict_of(answer) == verdict


@pytest.mark.parametrize(
    ("answers", "score"),
    [
        (("2", "1"), 1.0),
        (("1", "2"), 0.0),
        (("1", "1"), 0.5),
        (("2", "2"), 0.5),
        (("tie", "1"), 0.5),
        (("tie", "tie"), 0.5),
        (("no verdict", "1"), None),
    ],
)
def test_scores_of_both_orders(answers: tuple[Verdict, Verdict], score: float | None) -> None:
    assert score_of(answers) == score


def test_a_share_of_fewer_than_30_titles_has_no_interval() -> None:
    assert share_of([1.0, 0.5, 0.0, 1.0], SETTINGS).share == 0.625 and share_of([1.0] * 29, SETTINGS).low is None


def test_texts_are_put_into_the_prompt_as_they_are() -> None:
    pair = Pair("1", "{second}", ("{title} {first}", "b\\1"))
    prompt = prompt_of(pair, second_arm_first=True)
    assert "[Title]\n{second}\n" in prompt and "[Start of description 1]\nb\\1\n" in prompt
    assert "[Start of description 2]\n{title} {first}\n" in prompt


def test_two_reports_and_clusters_of_titles() -> None:
    rows, others = mixed_rows(), mixed_rows()
    for n, row in enumerate(rows):
        row["cluster"] = n // 2
    pairs = pairs_of(report_with(rows), report_with(others[5:], "b"), most=32)
    assert pairs.arms == ("titlecraft/b", "titlecraft/a") and len(pairs.pairs) == 32
    assert pairs.pairs[0].uid == "B5" and pairs.pairs[0].texts == (others[5]["after"], rows[5]["after"])
    assert pairs.clusters is not None and len(pairs.clusters) == 32 and all(pair.identical for pair in pairs.pairs)
    for row in others:
        row["reference"] += "!"
    with pytest.raises(UserError, match=r"have 0 titles in common: expected 30 or more"):
        pairs_of(report_with(rows), report_with(others, "b"))

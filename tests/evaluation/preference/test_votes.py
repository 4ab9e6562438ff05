"""Votes of people: written at once, resumed, refused for other reports, and their win rate by hand."""

from pathlib import Path

import pytest

from evaluation.preference.pairs import pairs_of
from evaluation.preference.record import PreferenceRecord
from evaluation.preference.show import lines, render_preference, sentence
from evaluation.preference.votes import Answer, Votes
from tests.evaluation.preference.judged_reports import mixed_rows, report_with
from titlecraft.errors import UserError
from titlecraft.records import read_record


def vote_for_good(votes: Votes, voter: str, count: int) -> None:
    """Vote `count` times for the text that says it is good, wherever it is shown."""
    for _ in range(count):
        pair = votes.next_of(voter)
        assert pair is not None
        first, _ = (pair.texts[arm] for arm in votes.shown_to(voter, pair))
        answer: Answer = "1" if first.startswith("good") else "2"
        assert votes.add(voter, pair.uid, answer)


def test_votes_are_resumed_and_counted(tmp_path: Path) -> None:
    file, rows = tmp_path / "votes.jsonl", mixed_rows()
    rows[1]["after"] = rows[1]["before"]  # equal texts are a tie
    pairs = pairs_of(report_with(rows), None)
    vote_for_good(Votes(pairs, file), "Ana", 25)
    with file.open("a") as cut:
        cut.write('{"reports"')
    votes = Votes(pairs, file)
    assert votes.counted("Ana") == (25, 39)
    vote_for_good(votes, "Ana", 14)
    assert votes.next_of("Ana") is None and votes.counted("Ben") == (0, 39)
    first = votes.next_of("Ben")
    assert first is not None and votes.add("Ben", first.uid, "tie") and not votes.add("Ben", first.uid, "1")
    assert not votes.add("Ben", "B1", "1") and not votes.add("Ben", "unknown", "1")
    shown = [votes.shown_to("Ana", pair)[0] for pair in pairs.pairs]
    assert 8 < sum(shown) < 32 and shown == [Votes(pairs, file).shown_to("Ana", pair)[0] for pair in pairs.pairs]
    record, reached = Votes(pairs, file).record()
    assert len(reached.pairs) == 40 and (record.votes, record.identical, record.no_verdict) == (40, 1, 0)
    assert record.win_rate.share == pytest.approx((0.75 + 28 + 0.5 + 0) / 40)  # both voted on the first title
    people = record.people
    assert people and [voter.name for voter in people.voters] == ["Ana", "Ben"]
    assert people.voters[0].win_rate.share == pytest.approx(29 / 39)
    assert people.agreement is not None and (people.agreement.share, people.agreement.n) == (0.0, 1)
    assert people.over_voters is not None and people.over_voters.low is None, "two voters give no interval over voters"
    assert sentence(record).startswith("The voters prefer after") and record.orders_agree is None
    assert ("titles without a verdict or vote", "0") in lines(record)
    assert "2 voters, 40 votes" in render_preference(record, reached)
    assert read_record(record.to_json(), PreferenceRecord, "it") == record


def test_only_the_titles_up_to_the_last_vote_count(tmp_path: Path) -> None:
    votes = Votes(pairs_of(report_with(mixed_rows()), None), tmp_path / "votes.jsonl")
    with pytest.raises(UserError, match="no votes yet"):
        votes.record()
    vote_for_good(votes, "Ana", 8)
    record, reached = votes.record()
    assert record.n == len(reached.pairs) == 8 and record.win_rate.share == 0.75 and record.win_rate.low is None
    assert "too few titles for an interval" in sentence(record)


def test_a_file_of_other_votes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "votes.jsonl"
    vote_for_good(Votes(pairs_of(report_with(mixed_rows()), None), file), "Ana", 2)
    with pytest.raises(
        UserError, match=r"line 1: a vote on titlecraft/a@.* expected titlecraft/b@.*; take another --out"
    ):
        Votes(pairs_of(report_with(mixed_rows(), "b"), None), file)
    file.write_text("{}\n")
    with pytest.raises(UserError, match=r"votes.jsonl, line 1: expected a vote of `titlecraft judge --people`"):
        Votes(pairs_of(report_with(mixed_rows()), None), file)

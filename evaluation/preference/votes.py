"""Votes of people in a JSON lines file: which pair is next for a voter, and the record of all votes."""

import os
from collections import defaultdict
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Literal

import msgspec
import numpy as np

from evaluation.preference.judged import record_of, today
from evaluation.preference.pairs import Pair, Pairs
from evaluation.preference.record import People, PreferenceRecord, TitlePreference, Voter
from evaluation.preference.win_rate import FIRST_SHOWN, share_of
from titlecraft.errors import UserError
from titlecraft.records import Record

Answer = Literal["1", "2", "tie"]


class Vote(Record, frozen=True):
    """One vote. `first` is the arm whose text was shown as number 1; `reports` name what was compared."""

    reports: list[str]
    voter: str
    uid: str
    first: str
    answer: Answer
    date: str

    def score(self, second_arm: str) -> float:
        """1.0 if the second arm's text is preferred, 0.0 if the other is, 0.5 for a tie."""
        share = FIRST_SHOWN[self.answer]
        return share if self.first == second_arm else 1 - share


class Votes:
    """The votes on the pairs of a report, kept in a file. A voter has one vote for each title, the first one."""

    def __init__(self, pairs: Pairs, file: Path) -> None:
        """Read the votes of the file, if there is one. Raises UserError if it is of other reports or is no file of votes."""
        self.pairs, self.file, self.lock = pairs, file, Lock()
        self.reports = [str(side) for side in (pairs.report, pairs.against) if side is not None]
        self.votes: dict[tuple[str, str], Vote] = {}
        raw = file.read_bytes() if file.is_file() else b""
        self.cut = bool(raw) and not raw.endswith(b"\n")  # an interruption within the last line
        for number, line in enumerate(raw.splitlines()[: -1 if self.cut else None], 1):
            try:
                vote = msgspec.json.decode(line, type=Vote)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise UserError(
                    f"{file}, line {number}: expected a vote of `titlecraft judge --people`: {error}"
                ) from error
            if vote.reports != self.reports:
                raise UserError(
                    f"{file}, line {number}: a vote on {' and '.join(vote.reports)}, expected {' and '.join(self.reports)}; take another --out"
                )
            self.votes[vote.voter, vote.uid] = vote
        if self.cut:
            file.write_bytes(raw[: raw.rfind(b"\n") + 1])

    def next_of(self, voter: str) -> Pair | None:
        """The next pair for a voter, in the order of the sample; None if there is none left. Equal texts are not shown."""
        todo = (pair for pair in self.pairs.pairs if not pair.identical and (voter, pair.uid) not in self.votes)
        return next(todo, None)

    def shown_to(self, voter: str, pair: Pair) -> tuple[int, int]:
        """The arms (0 or 1) whose texts this voter sees as numbers 1 and 2: random, and the same again after a restart."""
        second = sha256("\n".join([*self.reports, voter, pair.uid]).encode()).digest()[0] % 2
        return (1, 0) if second else (0, 1)

    def add(self, voter: str, uid: str, answer: Answer) -> bool:
        """Write a vote to the file. False, and nothing is written, if the voter has voted on this title, or nobody can."""
        pair = next((pair for pair in self.pairs.pairs if pair.uid == uid and not pair.identical), None)
        with self.lock:
            if pair is None or (voter, uid) in self.votes:
                return False
            first = self.pairs.arms[self.shown_to(voter, pair)[0]]
            vote = Vote(reports=self.reports, voter=voter, uid=uid, first=first, answer=answer, date=today())
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab") as file:
                file.write(msgspec.json.encode(vote) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            self.votes[voter, uid] = vote
            return True

    def counted(self, voter: str) -> tuple[int, int]:
        """The number of titles that a voter has voted on, and that of all titles with different texts."""
        return sum(name == voter for name, _ in self.votes), sum(not pair.identical for pair in self.pairs.pairs)

    def reached(self) -> Pairs:
        """The titles up to the last one with a vote: a random sample, as the order is random."""
        voted = {uid for _, uid in self.votes}
        end = 1 + max((index for index, pair in enumerate(self.pairs.pairs) if pair.uid in voted), default=-1)
        clusters = None if self.pairs.clusters is None else self.pairs.clusters[:end]
        if clusters is not None and len(np.unique(clusters)) == end:
            clusters = None
        return replace(self.pairs, pairs=self.pairs.pairs[:end], clusters=clusters)

    def record(self) -> tuple[PreferenceRecord, Pairs]:
        """The record of the votes, and its pairs: a title's score is the mean of its votes. Raises UserError without a vote."""
        if not self.votes:
            raise UserError("judge --people: no votes yet")
        pairs, second = self.reached(), self.pairs.arms[1]
        by_title, by_voter = defaultdict(list), defaultdict(list)
        for vote in self.votes.values():
            by_title[vote.uid].append(vote)
            by_voter[vote.voter].append(vote.score(second))
        titles = []
        for pair in pairs.pairs:
            scores = [0.5] if pair.identical else [vote.score(second) for vote in by_title[pair.uid]]
            titles.append(
                TitlePreference(uid=pair.uid, answers=[], score=sum(scores) / len(scores) if scores else None)
            )
        settings = pairs.report.record.evaluation
        several = [[vote.score(second) for vote in votes] for votes in by_title.values() if len(votes) > 1]
        labels = np.array([label for label, scores in enumerate(by_voter.values()) for _ in scores])
        votes = [score for scores in by_voter.values() for score in scores]
        people = People(
            voters=[Voter(name=name, win_rate=share_of(by_voter[name], settings)) for name in sorted(by_voter)],
            over_voters=share_of(votes, settings, labels) if len(by_voter) > 1 else None,
            agreement=share_of([float(len(set(scores)) == 1) for scores in several], settings) if several else None,
            date=max(vote.date for vote in self.votes.values()),
        )
        shown = [[vote.answer for vote in by_title[pair.uid]] for pair in pairs.pairs if by_title[pair.uid]]
        return record_of(pairs, titles, people, shown), pairs

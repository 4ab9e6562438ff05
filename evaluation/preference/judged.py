"""A judge's verdicts over all pairs, each in both orders, and the record of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from msgspec import UNSET

from evaluation.preference.endpoint import MAX_TOKENS, TEMPERATURE, Endpoint
from evaluation.preference.pairs import Pairs
from evaluation.preference.prompt import PROMPT, PROMPT_SHA256, Verdict, prompt_of, verdict_of
from evaluation.preference.record import Judge, People, PreferenceRecord, TitlePreference
from evaluation.preference.win_rate import (
    INTERVAL_METHOD,
    length_bias,
    p_value_of,
    position_of,
    same_in_both_orders,
    score_of,
    share_of,
)
from titlecraft.errors import UserError
from titlecraft.records import current_code

MOST_WITHOUT_VERDICT = 0.1  # share of the judge's answers; more make the rest a biased selection


def judge_pairs(pairs: Pairs, endpoint: Endpoint, kept: Path) -> PreferenceRecord:
    """Ask the judge about each pair in both orders. Raises UserError if the endpoint fails or too few answers are verdicts.

    Args:
        kept: the file with the judge's answers, JSON lines.
    """
    differ = [pair for pair in pairs.pairs if not pair.identical]
    prompts = [prompt_of(pair, second_arm_first=order) for pair in differ for order in (False, True)]
    answers = endpoint.ask_all(prompts, kept)
    verdicts: list[Verdict] = [verdict_of(answer.text) for answer in answers]
    without = [answer.text for answer, verdict in zip(answers, verdicts, strict=True) if verdict == "no verdict"]
    if len(without) > MOST_WITHOUT_VERDICT * len(answers):
        raise UserError(
            f"{len(without)} of {len(answers)} answers of {endpoint.model} have no verdict such as [[1]]: expected at most "
            f"{MOST_WITHOUT_VERDICT:.0%}; take another judge. The first: {' '.join(without[0].split())[:120]!r}; all are in {kept}"
        )
    both = iter(zip(verdicts[::2], verdicts[1::2], strict=True))
    titles: list[TitlePreference] = [
        TitlePreference(uid=pair.uid, answers=[], score=0.5)
        if pair.identical
        else TitlePreference(uid=pair.uid, answers=[*(orders := next(both))], score=score_of(orders))
        for pair in pairs.pairs
    ]
    return record_of(
        pairs,
        titles,
        Judge(
            model=endpoint.model,
            revision=", ".join(sorted({answer.revision for answer in answers if answer.revision})) or None,
            endpoint=endpoint.kind,
            prompt=PROMPT,
            prompt_sha256=PROMPT_SHA256,
            temperature=TEMPERATURE,
            max_tokens=MAX_TOKENS,
            date=max((answer.date for answer in answers), default=today()),
        ),
        [title.answers for title in titles if title.answers],
    )


def record_of(
    pairs: Pairs, titles: Sequence[TitlePreference], by: Judge | People, shown: Sequence[Sequence[Verdict]]
) -> PreferenceRecord:
    """The record of all titles' scores. Raises UserError if no title has one.

    Args:
        shown: by title with an answer, its answers by position: "1" prefers the text shown first.
    """
    settings = pairs.report.record.evaluation
    scored = np.array([title.score is not None for title in titles])
    if not scored.any():
        raise UserError("judge: no title has a verdict or a vote")
    scores = [title.score for title in titles if title.score is not None]
    clusters = None if pairs.clusters is None else pairs.clusters[scored]
    asked = np.array([bool(title.answers) and title.score is not None for title in titles])
    of_asked = None if pairs.clusters is None or not isinstance(by, Judge) else pairs.clusters[asked]
    readable = [answers for answers in shown if "no verdict" not in answers]
    whole = isinstance(by, Judge) and readable
    return PreferenceRecord(
        arms=list(pairs.arms),
        report=pairs.report.contender(),
        against=pairs.against and pairs.against.contender(),
        dataset=pairs.report.record.dataset,
        split=pairs.report.record.split,
        evaluation=settings,
        code=current_code("evaluation", "openai", "numpy", "scipy"),
        n=len(titles),
        votes=sum(map(len, shown)),
        identical=sum(pair.identical for pair in pairs.pairs),
        no_verdict=int((~scored).sum()),
        wins=sum(score > 0.5 for score in scores),
        ties=sum(score == 0.5 for score in scores),
        losses=sum(score < 0.5 for score in scores),
        win_rate=share_of(scores, settings, clusters),
        p_value=p_value_of(scores, settings, clusters),
        first_shown=share_of([position_of(answers) for answers in readable], settings, of_asked) if readable else None,
        orders_agree=share_of([same_in_both_orders(answers) for answers in readable], settings, of_asked)
        if whole
        else None,
        length=length_bias(
            [pair for pair, has_score in zip(pairs.pairs, scored, strict=True) if has_score], scores, settings, clusters
        ),
        clusters=None if clusters is None else len(np.unique(clusters)),
        interval_method=INTERVAL_METHOD,
        titles=list(titles),
        judge=by if isinstance(by, Judge) else UNSET,
        people=by if isinstance(by, People) else UNSET,
    )


def today() -> str:
    """The date in UTC, YYYY-MM-DD."""
    return datetime.now(UTC).date().isoformat()

"""Level scores, values: what each measure gives for each title, computed again from the published texts.

What needs the model is only held against what is beside it: likelihoods against each other, a stop against the number of
tokens. Level predictions derives them.
"""

from collections.abc import Iterator
from math import isclose, log
from typing import Any

from model_card.verification.level_scores.titles import DATA, all_equal
from model_card.verification.lines.checks import Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.pins import download
from titlecraft.records import EvaluationRecord, column, sampled_arm, tokens_column

ARMS = ("before", "after")
SAME_SUM = 1e-9  # relative: two ways to one number in float64


def verify_values(
    checks: Checks, state: RepoState, record: EvaluationRecord, rows: list[dict[str, Any]], titles: list[Any],
    apart: float, note: str | None,
) -> Iterator[Line]:  # fmt: skip
    """A line for each measure and arm."""
    from evaluation.measures import Written, measures_of, sampled_measures
    from evaluation.measures.coverage import ScriptCoverage
    from model_card.verification.level_scores.scores import asked_arms

    known, coverage = lookup(record, rows), ScriptCoverage([row["reference"] for row in rows])
    for arm in asked_arms(record):
        for entry in measures_of(record.evaluation):
            name = column(entry.name, arm)
            if entry.reads is Written and entry.recomputed != "never":
                values = [
                    float(entry.value(written(row[arm], row, title, known, arm)))
                    for row, title in zip(rows, titles, strict=True)
                ]
                values = read_only(values, entry.name, coverage, rows, arm)
                yield all_equal(checks, f"{name} of every title", [row[name] for row in rows], values, apart, note)
        yield from by_model(checks, record, rows, titles, arm)
        yield in_rows(checks, f"coherence_{arm} where the script can be read", unread_wrongly(coverage, rows, arm), len(rows))  # fmt: skip
        sampled = record.evaluation.sampled if arm in ARMS else 0
        for entry in sampled_measures(record.evaluation) if sampled else ():
            name = column(entry.name, sampled_arm(arm))
            if entry.recomputed == "from texts":
                values = [
                    mean([float(entry.value(written(text, row, title, known, arm))) for text in row[sampled_arm(arm)]])
                    for row, title in zip(rows, titles, strict=True)
                ]
                values = read_only(values, entry.name, coverage, rows, sampled_arm(arm))
                yield all_equal(checks, f"{name} of every title", [row[name] for row in rows], values, apart, note)
        if sampled:
            counts = [len(row[sampled_arm(arm)]) for row in rows]
            yield all_equal(checks, f"{arm}: sampled answers of every title", counts, [sampled] * len(rows), 0.0, None)  # fmt: skip


def mean(values: list[float]) -> float:
    """The mean as evaluation takes it over several answers."""
    return sum(values) / len(values)


def read_only(values: list[Any], name: str, coverage: Any, rows: list[dict[str, Any]], arm: str) -> list[Any]:
    """The values, None where the measure cannot read the script of a title's texts; see evaluation.readable."""
    unread = [coverage.lacking(name, row["title"], row["reference"], *texts_of(row[arm])) for row in rows]
    return [None if lacking else value for value, lacking in zip(values, unread, strict=True)]


def unread_wrongly(coverage: Any, rows: list[dict[str, Any]], arm: str) -> list[int]:
    """Places of the rows that have a coherence and a script that it cannot read, or the other way round."""
    unread = [coverage.lacking("coherence", row["title"], row["reference"], *texts_of(row[arm])) for row in rows]
    return [n for n, (row, lacking) in enumerate(zip(rows, unread, strict=True)) if (row[column("coherence", arm)] is None) != bool(lacking)]  # fmt: skip


def texts_of(answer: str | list[str]) -> list[str]:
    """One greedy answer, or several sampled ones."""
    return answer if isinstance(answer, list) else [answer]


def lookup(record: EvaluationRecord, rows: list[dict[str, Any]]) -> Any:
    """Titles and training split of the pinned dataset, told of all published texts; see evaluation.lookup.sources."""
    from evaluation.lighteval_harness.pipeline import unharmed_process
    from evaluation.lookup.sources import Lookup
    from evaluation.progress import Progress
    from evaluation.titles.draw import Sample, read_split
    from model_card.verification.level_scores.scores import asked_arms

    dataset = download(record.dataset, DATA)
    split = read_split(dataset, record.split, ["title"], f"dataset {record.dataset}")
    titles = sorted(set(split["title"].to_pylist()))
    known = Lookup.over(dataset, Sample(titles=[], split_titles=titles, available=0, excluded={}), record.evaluation)
    sampled = [sampled_arm(arm) for arm in ARMS if record.evaluation.sampled]
    texts = lambda row: [row[arm] for arm in asked_arms(record)] + [text for arm in sampled for text in row[arm]]  # noqa: E731
    answers = [(row["title"], text, row["reference"]) for row in rows for text in texts(row)]
    with known.looking_up(answers, progress := Progress()):
        if known.embedded or known.recall:
            with unharmed_process():
                known.encode(answers, progress)
    return known


def written(text: str, row: dict[str, Any], title: Any, known: Any, arm: str) -> Any:
    """An answer as a measure reads it, without what only the model knows."""
    from evaluation.measures import Written

    stopped = row[column("stop_rate", arm)] == 1
    return Written(
        text=text, tokens=row[tokens_column(arm)] - stopped, stopped=stopped, reference=title.reference,
        reference_tokens=title.reference_length, title=title.title, nll_in_order=None, nll_shuffled=None, known=known,
    )  # fmt: skip


def by_model(
    checks: Checks, record: EvaluationRecord, rows: list[dict[str, Any]], titles: list[Any], arm: str
) -> Iterator[Line]:
    """What must hold between values that only the model gives."""
    from evaluation.measures.sentences import orders

    most = record.generation.max_new_tokens
    wrong = [
        n
        for n, row in enumerate(rows)
        if not stops_rightly(row[column("stop_rate", arm)], row[tokens_column(arm)], most)
    ]
    yield in_rows(checks, f"stop_rate_{arm} and {arm}_tokens fit the most new tokens", wrong, len(rows))
    wrong = [
        n for n, row in enumerate(rows)
        if row[column("coherence", arm)] not in (0.0, 0.5, 1.0, None)
        or (orders(row[arm], record.evaluation.seed) is None and row[column("coherence", arm)] not in (0.5, None))
    ]  # fmt: skip
    yield in_rows(checks, f"coherence_{arm} is one half where a text has no two orders", wrong, len(rows))
    wrong = [
        n for n, (row, title) in enumerate(zip(rows, titles, strict=True))
        if not isclose(
            row[f"nll_per_token_{arm}"] * len(title.reference_tokens),
            row[f"bits_per_byte_{arm}"] * log(2) * max(1, title.scored_bytes), rel_tol=SAME_SUM,
        )
    ]  # fmt: skip
    yield in_rows(checks, f"nll_per_token_{arm} and bits_per_byte_{arm} are one likelihood", wrong, len(rows))


def stops_rightly(stopped: float, tokens: int, most: int) -> bool:
    """Whether an answer of so many tokens, EOS among them, may have stopped so: a shorter one must have."""
    return stopped == 1 if tokens < most else stopped in (0, 1) and tokens == most


def in_rows(checks: Checks, claim: str, wrong: list[int], count: int) -> Line:
    """A line about all rows; the note names the first that is wrong."""
    note = f"row {wrong[0] + 1}" if wrong else None
    return checks.line(claim, f"{count:,} titles", "all" if not wrong else f"not {len(wrong):,} of them", not wrong, "none", note)  # fmt: skip

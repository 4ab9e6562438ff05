"""What was made from what: the records that link dataset, adapter and report, each at its commit.

`lineage.json` in a dataset's repo lists the adapters that were trained from it. It is written when one of them has been
published, by whoever has the right to; what it says is confirmed by each adapter's own training record.
"""

from typing import Literal

from titlecraft.records import EvaluationRecord, Pin, Record, Verdict


class Result(Record, frozen=True):
    """A report, and what its primary measure says. `revision` is the commit of the adapter's repo that brought it.

    `low` and `high` bound the interval of the difference at `confidence`.
    """

    id: str
    revision: str
    n: int
    label: str
    unit: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    confidence: float
    verdict: Verdict


class Trained(Record, frozen=True):
    """An adapter at the commit that brought its training record, what it was made from, and its reports, best first."""

    adapter: Pin
    dataset: Pin
    base: Pin
    reports: list[Result]


class DatasetLineage(Record, frozen=True):
    """lineage.json: adapters trained from a dataset, in the order in which they were first listed."""

    adapters: list[Trained]
    schema: Literal["titlecraft/lineage/1"] = "titlecraft/lineage/1"

    def by_revision(self) -> dict[str, list[Trained]]:
        """The adapters by the commit of the dataset that they were trained from, the revision listed last first."""
        revisions = dict.fromkeys(one.dataset.revision for one in reversed(self.adapters))
        return {name: [one for one in self.adapters if one.dataset.revision == name] for name in revisions}


def with_adapter(lineage: DatasetLineage | None, trained: Trained) -> DatasetLineage:
    """The lineage with this adapter in it: in its place where its commit is listed already, else at the end."""
    listed = list(lineage.adapters) if lineage else []
    places = [place for place, one in enumerate(listed) if one.adapter == trained.adapter]
    if places:
        listed[places[0]] = trained
    else:
        listed.append(trained)
    return DatasetLineage(adapters=listed)


def result_of(report: EvaluationRecord, revision: str) -> Result:
    """What a report says in one line; `revision` is the commit that brought it."""
    primary = report.primary()
    shared = {
        name: getattr(primary, name) for name in ("label", "unit", "before", "after", "difference", "low", "high")
    }
    return Result(
        id=report.id,
        revision=revision,
        n=primary.n,
        confidence=report.evaluation.confidence,
        verdict=primary.verdict(),
        **shared,
    )


def best_first(results: list[Result]) -> list[Result]:
    """The report on the most titles first: the one that a card shows; then by id."""
    return sorted(results, key=lambda one: (one.n, one.id), reverse=True)


def in_words(result: Result) -> str:
    """Before, after, difference with its interval: "NLL per token 2.5 → 2.25 nats (-0.25, 95 % interval -0.3 to -0.2)"."""
    signed = lambda value: f"{value:+.4g}" if value else "0"  # noqa: E731
    return (
        f"{result.label} {result.before:.4g} → {result.after:.4g} {result.unit} ({signed(result.difference)}, "
        f"{100 * result.confidence:.4g} % interval {signed(result.low)} to {signed(result.high)})"
    )


def link(pin: Pin, path: str = "") -> str:
    """A link to a state on the page of its Hub, as Markdown: `NS/NAME@0123456789ab`."""
    below = f"/{'datasets/' if pin.type == 'dataset' else ''}{pin.repo}/{'blob' if path else 'tree'}/{pin.revision}"
    return f"[{pin.repo}@{pin.revision[:12]}]({below}{'/' + path if path else ''})"

"""Lineage records: which dataset, adapter and report were made from which, each at its commit.

`lineage.json` in a dataset's repo lists the adapters trained from it. It is updated after an adapter was published, by
whoever has write access; the adapter's own training record confirms each entry.
"""

from typing import Literal

from titlecraft.records import EvaluationRecord, Pin, Record, Verdict


class Result(Record, frozen=True):
    """A report's primary result. `revision` is the commit of the adapter's repo that added the report.

    `low` and `high` are the bounds of the difference's interval at `confidence`; null for too few titles.
    """

    id: str
    revision: str
    n: int
    label: str
    unit: str
    before: float
    after: float
    difference: float
    low: float | None
    high: float | None
    confidence: float
    verdict: Verdict


class Trained(Record, frozen=True):
    """An adapter at the commit that added its training record, its inputs, and its reports, best first."""

    adapter: Pin
    dataset: Pin
    base: Pin
    reports: list[Result]


class DatasetLineage(Record, frozen=True):
    """lineage.json: the adapters trained from a dataset, in the order of their first listing."""

    adapters: list[Trained]
    schema: Literal["titlecraft/lineage/1"] = "titlecraft/lineage/1"

    def by_revision(self) -> dict[str, list[Trained]]:
        """Return the adapters by dataset commit, the most recently listed commit first."""
        revisions = dict.fromkeys(trained.dataset.revision for trained in reversed(self.adapters))
        return {name: [trained for trained in self.adapters if trained.dataset.revision == name] for name in revisions}


def with_adapter(lineage: DatasetLineage | None, trained: Trained) -> DatasetLineage:
    """Return the lineage with this adapter: replaced if its commit is listed already, otherwise appended."""
    listed = list(lineage.adapters) if lineage else []
    indices = [index for index, entry in enumerate(listed) if entry.adapter == trained.adapter]
    if indices:
        listed[indices[0]] = trained
    else:
        listed.append(trained)
    return DatasetLineage(adapters=listed)


def result_of(report: EvaluationRecord, revision: str) -> Result:
    """Return the summary of a report; `revision` is the commit that added it."""
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
    """Return the reports sorted as on a card: most titles first, ties by id."""
    return sorted(results, key=lambda result: (result.n, result.id), reverse=True)


def in_words(result: Result) -> str:
    """Return the result as text: "NLL per token 2.5 → 2.25 nats (-0.25, 95 % interval -0.3 to -0.2)"."""
    signed = lambda value: f"{value:+.4g}" if value else "0"  # noqa: E731
    interval = "too few titles for an interval"
    if result.low is not None and result.high is not None:
        interval = f"{100 * result.confidence:.4g} % interval {signed(result.low)} to {signed(result.high)}"
    return f"{result.label} {result.before:.4g} → {result.after:.4g} {result.unit} ({signed(result.difference)}, {interval})"


def link(pin: Pin, path: str = "") -> str:
    """Return a Markdown link to a state on its Hub: `NS/NAME@0123456789ab`."""
    below = f"/{'datasets/' if pin.type == 'dataset' else ''}{pin.repo}/{'blob' if path else 'tree'}/{pin.revision}"
    return f"[{pin.repo}@{pin.revision[:12]}]({below}{'/' + path if path else ''})"

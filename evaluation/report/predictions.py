"""predictions.parquet: every title with prompt, reference, both answers, and the value of every measure in each arm."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.measures import measure_names
from evaluation.outcome import Outcome
from evaluation.titles.draw import Title
from evaluation.titles.grounded import GroundedSample
from titlecraft.records import column, tokens_column
from titlecraft.records.evaluation import CLUSTER, SAMPLED
from titlecraft.settings import Evaluation


def write_predictions(
    file: Path,
    titles: list[Title],
    outcomes: dict[str, list[Outcome]],
    settings: Evaluation,
    grounded: GroundedSample | None = None,
    clusters: list[int] | None = None,
) -> None:
    """Write one row per title, in the order of the sample; the same rows give the same bytes.

    Corpus measures (BLEU, chrF++) have the score of each title. Sampled answers are lists, and their values are means.
    The column `cluster` is there if similar titles make clusters.
    """
    columns: dict[str, Any] = {
        "uid": pa.array([title.uid for title in titles], pa.string()),
        "title": pa.array([title.title for title in titles], pa.string()),
        "prompt": pa.array([title.prompt for title in titles], pa.string()),
        "reference": pa.array([title.reference for title in titles], pa.string()),
        "reference_tokens": pa.array([len(title.reference_tokens) for title in titles], pa.int32()),
    }
    if clusters is not None:
        columns[CLUSTER] = pa.array(clusters, pa.int32())
    if grounded is not None:
        columns["grounded_prompt"] = pa.array([title.prompt for title in grounded.titles], pa.string())
        columns["grounded_sources"] = pa.array(
            [[row.uid for row in rows] for rows in grounded.sources], pa.list_(pa.string())
        )
    for arm, arm_outcomes in outcomes.items():
        if arm.endswith(SAMPLED):
            columns[arm] = pa.array([outcome.texts for outcome in arm_outcomes], pa.list_(pa.string()))
        else:
            columns[arm] = pa.array([outcome.texts[0] for outcome in arm_outcomes], pa.string())
            columns[tokens_column(arm)] = pa.array([outcome.tokens for outcome in arm_outcomes], pa.int32())
    for name in measure_names(settings):
        for arm, arm_outcomes in outcomes.items():
            if name in arm_outcomes[0].values:
                columns[column(name, arm)] = pa.array([outcome.values[name] for outcome in arm_outcomes], pa.float64())
    pq.write_table(pa.table(columns), file, compression="zstd")


def read_predictions(file: Path) -> list[dict[str, Any]]:
    """Return the rows of predictions.parquet."""
    return pq.read_table(file).to_pylist()

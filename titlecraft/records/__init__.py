"""Records: the JSON files of each stage, from which all cards, reports and tables are rendered.

A record holds what was read (pins, sha256), what was done (settings, code), and what was counted or measured. A value
that was not measured is null and is rendered as "not measured". Each stage's record has a module of its own; this
package exports them.
"""

from titlecraft.records.base import (
    Code,
    File,
    Pin,
    Record,
    RepoType,
    describe_file,
    digest,
    file_sha256,
    has_schema,
    read_record,
    record_key,
)
from titlecraft.records.chosen import Chosen
from titlecraft.records.code_version import current_code, sources_sha256
from titlecraft.records.dataset import DatasetRecord, Distribution, Leakage, Source, SourceFile, Split
from titlecraft.records.evaluation import (
    CLAIMS,
    GROUNDED_HEADING,
    AllAnswers,
    Answers,
    BenchmarkResult,
    Clusters,
    EvaluationRecord,
    Grounded,
    Group,
    Measure,
    NotMeasured,
    Tested,
    Verdict,
    column,
    sampled_arm,
    tokens_column,
)
from titlecraft.records.repo_files import DATASET_RECORD, PREDICTIONS, REPORT, TRAINING_RECORD
from titlecraft.records.rows import ReadRows, RowSettings
from titlecraft.records.training import (
    Check,
    Examples,
    Licence,
    Losses,
    Measured,
    Optimizer,
    TrainedPrompt,
    TrainingInputs,
    TrainingRecord,
)
from titlecraft.records.validation import Effect, Validation, ValidationPoint, is_ruinous

__all__ = [  # noqa: RUF022
    "current_code",
    "sources_sha256",
    "DATASET_RECORD",
    "DatasetRecord",
    "Distribution",
    "Leakage",
    "Source",
    "SourceFile",
    "Split",
    "CLAIMS",
    "GROUNDED_HEADING",
    "PREDICTIONS",
    "REPORT",
    "AllAnswers",
    "Answers",
    "Clusters",
    "EvaluationRecord",
    "Grounded",
    "Group",
    "Measure",
    "BenchmarkResult",
    "NotMeasured",
    "Tested",
    "Verdict",
    "column",
    "sampled_arm",
    "tokens_column",
    "Code",
    "File",
    "Pin",
    "Record",
    "RepoType",
    "describe_file",
    "digest",
    "file_sha256",
    "has_schema",
    "read_record",
    "record_key",
    "ReadRows",
    "RowSettings",
    "TRAINING_RECORD",
    "Check",
    "Chosen",
    "Effect",
    "Examples",
    "Licence",
    "Losses",
    "Measured",
    "Optimizer",
    "TrainedPrompt",
    "TrainingInputs",
    "TrainingRecord",
    "Validation",
    "ValidationPoint",
    "is_ruinous",
]

"""Read the training split of a published dataset at its pin."""

import datasets
from datasets import Dataset
from datasets.exceptions import DatasetsError

from titlecraft.errors import UserError
from titlecraft.hub.errors import cause_in_datasets, first_line, hub_errors
from titlecraft.hub.loaded_path import loaded_path
from titlecraft.hub.pins import download
from titlecraft.records import Pin, RowSettings
from titlecraft.rows.folder import require_no_namesake, rows_folder

COLUMNS = ("instruction", "input", "output")


def load_train_split(data: Pin, rows: RowSettings | None = None) -> Dataset:
    """The training split, with the columns of COLUMNS among others. Raises UserError if it cannot be read or lacks one.

    `rows` says how the rows of a dataset are read that Titlecraft did not build.
    """
    if rows is not None:
        files = sorted(map(str, (rows_folder(data, rows) / "data").glob("train-*.parquet")))
        return datasets.load_dataset("parquet", data_files={"train": files}, split="train", trust_remote_code=False)
    require_no_namesake(data)
    download(data)
    expected = "expected a dataset that `titlecraft build` published"
    try:
        with hub_errors(f"loading {data}", data.repo, data.type):
            split = datasets.load_dataset(
                loaded_path(data.repo), revision=data.revision, split="train", trust_remote_code=False
            )
    except (ValueError, OSError, RuntimeError, DatasetsError) as error:
        # there are no files or none of that split, or they are not tables, or the repo has a loading script
        cause = first_line(cause_in_datasets(error))
        raise UserError(f"dataset {data} has no training split that can be read ({cause}): {expected}") from error
    if missing := [name for name in COLUMNS if name not in split.column_names]:
        raise UserError(f"the training split of {data} lacks {', '.join(missing)}: {expected}")
    return split

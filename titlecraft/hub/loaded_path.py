"""The name by which `datasets` loads a dataset of the Hub, wherever a command runs."""

from pathlib import Path


def loaded_path(repo: str) -> str:
    """Return what `load_dataset` takes for NS/NAME: the same, or with `hf://datasets/` before it where a folder here has that name.

    `datasets` reads a local folder NS/NAME in the place of the dataset, such as the folder titlecraft/rows of a checkout.
    """
    return f"hf://datasets/{repo}" if Path(repo).exists() else repo

"""Guard against packages of the same name: PyPI has an `evaluation` and a `dataset-builder`, and users have a `training`."""

from importlib.util import find_spec
from pathlib import Path

import titlecraft
from titlecraft.errors import UserError

PACKAGES = ("local_hub", "dataset_builder", "training", "evaluation", "model_card", "playground")


def require_own_packages() -> None:
    """Raise UserError if Python would import another package in place of one that stands beside `titlecraft`."""
    home = Path(titlecraft.__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = find_spec(name)
        folder = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if folder != home / name:
            found = f"Python finds {folder}" if folder else "Python finds no such package"
            raise UserError(
                f"Titlecraft's package {name!r} is expected at {home / name}, and {found}: install Titlecraft in a virtual "
                "environment of its own, and run `titlecraft` from a folder that PYTHONPATH does not name"
            )

"""The files of a finished sweep: sweep.json, its plot, and the recipe to use with the section `chosen`."""

import hashlib
import os
import shlex
from pathlib import Path
from typing import Any

import msgspec
import yaml

from titlecraft.errors import UserError
from titlecraft.files import write_atomically
from titlecraft.hub.errors import first_line
from titlecraft.records import Chosen, read_record
from training.sweep.combinations import ALL_SETTINGS
from training.sweep.plot import draw
from training.sweep.record import SweepRecord, nll
from training.sweep.show import in_words

JSON, RECIPE, PLOT = "sweep.json", "recipe.yaml", "sweep"


def require_folder(out: Path) -> None:
    """Raise UserError, before any training, if the files of a sweep cannot be written into `out` or would replace others."""
    nearest = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise UserError(f"--out {out}: {nearest} is a file: expected a folder, or the name of a new one")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"--out {out}: {nearest} cannot be written to: name another folder")
    if (out / RECIPE).exists() and not (out / JSON).exists():
        raise UserError(f"--out {out}: {out / RECIPE} is not of a sweep and would be replaced: name another folder")


def finished_record(out: Path, key: str, fresh: bool) -> SweepRecord | None:
    """The record in a folder; None if the folder has no finished sweep.

    Raises UserError if the file is no record of a sweep, or has another key, unless `fresh`.
    """
    file = out / JSON
    if file.exists() and not file.is_file():
        raise UserError(f"--out {out}: {file} is a folder: name another folder by --out")
    if fresh or not file.exists():
        return None
    try:
        record = read_record(file.read_bytes(), SweepRecord, str(file))
    except (UserError, OSError) as error:
        reason = first_line(error).removeprefix(f"{file} ")
        raise UserError(
            f"{file} cannot be read as the record of a sweep ({reason}): name another folder by --out, or add --fresh to replace it"
        ) from error
    if record.key != key:
        raise UserError(
            f"{file} is of another sweep, with other recipes, rows or code: name another folder by --out, or add --fresh to replace it"
        )
    return record if (out / RECIPE).is_file() else None


def chosen_by(record: SweepRecord, sweep_json: bytes) -> Chosen:
    """The section `chosen` of the recipe to use."""
    return Chosen(
        among=len(record.runs),
        settings=record.run(record.best).settings,
        rows=record.rungs[-1].rows,
        dataset=record.dataset,
        sweep=hashlib.sha256(sweep_json).hexdigest(),
    )


def recipe_text(record: SweepRecord, given: dict[str, Any], chosen: Chosen) -> str:
    """The recipe to use as YAML: the given settings (by dotted name), the chosen ones, and the pinned base."""
    best = record.run(record.best)
    settings = given | {"base.repo": record.base.repo, "base.revision": record.base.revision} | best.settings
    sections: dict[str, dict[str, Any]] = {}
    for key in sorted(settings, key=ALL_SETTINGS.index):
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = settings[key]
    comment = (
        f"# Chosen by titlecraft sweep among {len(record.runs)} recipes: {in_words(best.settings)}\n"
        f"# validation NLL {nll(best.judged[-1].losses, record.tokens):.4f} on {record.rungs[-1].rows} rows; all figures are in {JSON}.\n"
        "# Train it as it is: the record and the card then say how it was chosen, by the section `chosen`.\n"
    )
    text = yaml.safe_dump(msgspec.to_builtins(sections | {"chosen": chosen}), sort_keys=False, allow_unicode=True)
    return comment + text


def write_files(record: SweepRecord, given: dict[str, Any], out: Path) -> None:
    """Write sweep.json, the plots, and then the recipe, which marks the sweep as finished."""
    out.mkdir(parents=True, exist_ok=True)
    raw = record.to_json()
    write_atomically(out / JSON, raw, out)
    for kind in ("png", "svg"):
        draw(record, out / f"{PLOT}.{kind}")
    write_atomically(out / RECIPE, recipe_text(record, given, chosen_by(record, raw)).encode(), out)
    for name in (JSON, RECIPE):
        (out / name).chmod(0o644)


def train_command(record: SweepRecord, repo: str, out: Path, hub: str) -> str:
    """The command that trains the chosen recipe on the dataset revision of the sweep."""
    return f"titlecraft train --dataset {record.dataset.repo}@{record.dataset.revision} --repo {repo} --recipe {shlex.quote(str(out / RECIPE))}{hub}"

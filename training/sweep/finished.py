"""Validation results on disk, one JSON file for each run and step: an interrupted sweep does not train them again."""

from pathlib import Path

import msgspec

from titlecraft.files import write_atomically
from training.sweep.record import Judged


class Finished:
    """Validation results in a folder, by training key, step and number of rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def file(self, key: str, step: int, rows: int) -> Path:
        """Path of a result."""
        return self.folder / f"{key[:32]}-{step}-{rows}.json"

    def read(self, key: str, step: int, rows: int) -> Judged | None:
        """The result of a run at a step; None if the file is missing or incomplete."""
        file = self.file(key, step, rows)
        try:
            judged = msgspec.json.decode(file.read_bytes(), type=Judged) if file.is_file() else None
        except msgspec.MsgspecError:
            return None
        same = judged is not None and (judged.key, judged.step, len(judged.losses)) == (key, step, rows)
        return judged if same else None

    def write(self, judged: Judged) -> None:
        """Store a result."""
        file = self.file(judged.key, judged.step, len(judged.losses))
        write_atomically(file, judged.to_json(), self.folder)

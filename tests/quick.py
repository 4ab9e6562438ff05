"""python -m tests.quick ROOM: run the tests of one room that are not marked slow. `make quick ROOM=evaluation` calls it."""

import os
import sys

from tests import ROOT

COMMAND = [
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-n",
    "2",
    "--dist",
    "loadfile",
    "--no-loadscope-reorder",
    "-m",
    "not slow",
]


def rooms() -> list[str]:
    """The folders below tests/ that contain test files at any depth."""
    folders = {file.parent for file in (ROOT / "tests").rglob("test_*.py")}
    parents = {parent for folder in folders for parent in [folder, *folder.parents] if ROOT / "tests" in parent.parents}
    return sorted(folder.relative_to(ROOT / "tests").as_posix() for folder in parents)


def main(arguments: list[str]) -> str:
    """Replace this process with pytest for the room; return a message if the room does not exist."""
    room = arguments[0].removeprefix("tests/").strip("/") if arguments else ""
    if room not in rooms():
        listed = ", ".join(name for name in rooms() if "/" not in name)
        return f"error: no room {room!r}: expected ROOM=NAME with one of {listed}, or a room inside one, such as evaluation/report"
    os.chdir(ROOT)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["PYTHONDONTWRITEBYTECODE"] = ""  # or every process that the tests start compiles the sources again
    os.execv(COMMAND[0], [*COMMAND, f"tests/{room}"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

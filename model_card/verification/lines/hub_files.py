"""Lines about files that a record lists, compared with what the Hub says of them: large files are not downloaded."""

from collections.abc import Iterator, Sequence

from huggingface_hub import HfApi

from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import download
from titlecraft.records import File, file_sha256

AT_ONCE = 500  # paths in one request


def compare_files(checks: Checks, state: RepoState, files: Sequence[File]) -> Iterator[Line]:
    """Each listed file has its size and its sha256 on the Hub, two lines each."""
    pin, paths = state.pin, [file.path for file in files]
    infos = {}
    with hub_errors(f"looking into {pin}", pin.repo, pin.type):
        for first in range(0, len(paths), AT_ONCE):
            part = paths[first : first + AT_ONCE]
            found = HfApi().get_paths_info(pin.repo, part, repo_type=pin.type, revision=pin.revision)
            infos |= {info.path: info for info in found}
    small = [path for path in paths if path in infos and not getattr(infos[path], "lfs", None)]
    folder = download(pin, small) if small else state.folder
    for file in files:
        info = infos.get(file.path)
        if info is None:
            yield checks.equal(f"{file.path}, sha256", file.sha256, "no such file")
            continue
        large = getattr(info, "lfs", None)
        yield checks.equal(f"{file.path}, bytes", file.bytes, getattr(info, "size", None))
        yield checks.equal(
            f"{file.path}, sha256", file.sha256, large.sha256 if large else file_sha256(folder / file.path)
        )

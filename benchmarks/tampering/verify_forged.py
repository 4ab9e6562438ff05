"""python -m benchmarks.tampering.verify_forged ADAPTER DATASET [--only TEXT]

Forges a published adapter and its dataset in more than a hundred ways, one at a time, and checks that `titlecraft verify`
refuses each: benchmarks/results/forgeries.json. Each forgery changes a copy of what the Hub of the environment serves. The
attacker knows our code and recomputes SHA256SUMS and every checksum and size in the records. Nothing is published.
"""

import argparse
import json
import shutil
import sys
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from benchmarks.tampering.forgeries import adapter_card, adapter_files, dataset, malformed
from benchmarks.tampering.forgeries.changes import Change
from benchmarks.tampering.recompute_checksums import list_all_files, recompute_and_render, update_records
from model_card.verification.lines.line import CUMULATIVE, Verification
from model_card.verification.repo_state import RepoState
from model_card.verification.run import find, verify_state

RESULTS = Path(__file__).resolve().parents[1] / "results" / "forgeries.json"
NOT_RENDERED = ("card", "front", "data card", "hostile")  # beginnings of forgeries that rendering would undo


def forge(
    state: RepoState, change: Change, folder: Path, cover: bool, render: bool | Literal["not pages"]
) -> RepoState:
    """Return a copy of a state with one change.

    Args:
        cover: recompute all checksums afterwards.
        render: compute keys and render card, page and plots again from the changed records, too; or all but page and plots.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(state.folder, folder)
    change(folder)
    placeholder = folder / "evaluation" / "%"
    if placeholder.is_dir():  # its files belong into the folder of the report, whatever its id
        report = next(path for path in (folder / "evaluation").iterdir() if path != placeholder)
        for file in placeholder.iterdir():
            file.rename(report / file.name)
        placeholder.rmdir()
    if cover:
        update_records(folder)
        if render:
            with redirect_stdout(StringIO()):
                recompute_and_render(folder, state.pin, pages=render != "not pages")
        list_all_files(folder)
    return RepoState.of_folder(state.pin, folder)


def verify_until_refused(state: RepoState) -> Verification:
    """Return the result of the first level that refuses a state, or of the last level. A dataset has only the level card."""
    result = verify_state(state, CUMULATIVE[0], [])
    for level in () if state.pin.type == "dataset" else CUMULATIVE[1:]:
        if not result.holds():
            break
        result = verify_state(state, level, [])
    return result


def verify_all(adapter: str, dataset_repo: str, only: str = "") -> dict[str, Any]:
    """Verify every forgery whose name contains `only`; return the number of refused ones, and the claims that refused them."""
    model, data = (RepoState.download(find(name)) for name in (adapter, f"datasets/{dataset_repo}"))
    tables: list[tuple[RepoState, dict[str, Change], bool]] = [
        (model, adapter_card.CARD | adapter_files.FILES, True),
        (data, dataset.DATASET, True),
        (model, malformed.ADAPTER, False),
        (data, malformed.DATASET, False),
    ]
    refused: dict[str, list[str]] = {}
    missed = []
    with tempfile.TemporaryDirectory() as temporary:
        for state, table, cover in tables:
            for name, change in table.items():
                if only not in name:
                    continue
                render = "not pages" if name.startswith("page") else not name.startswith(NOT_RENDERED)
                forged = forge(state, change, Path(temporary) / "repo", cover, render)
                with redirect_stdout(StringIO()):
                    result = verify_until_refused(forged)
                if result.holds():
                    missed.append(name)
                else:
                    lines = [*result.failures(), *result.with_verdict("could not be looked at")]
                    refused[name] = [f"level {result.level}: {line.verdict}: {line.claim}" for line in lines[:4]]
                print(
                    "MISSED " if result.holds() else "refused", name, *refused.get(name, ())[:2], sep="  ", flush=True
                )
    return {"lies": len(refused) + len(missed), "refused": len(refused), "missed": missed, "by_claim": refused}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", help="NAMESPACE/NAME of an adapter on the Hub of HF_ENDPOINT")
    parser.add_argument("dataset", help="NAMESPACE/NAME of its dataset")
    parser.add_argument("--only", default="", help="run only the forgeries whose name contains this text")
    arguments = parser.parse_args()
    result = verify_all(arguments.adapter, arguments.dataset, arguments.only)
    if not arguments.only:
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{result['refused']} of {result['lies']} forgeries are refused")
    sys.exit(1 if result["missed"] else 0)

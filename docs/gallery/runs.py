"""Runs the commands of a user for one shop on an embedded Hub, and collects what its page shows."""

import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from docs.gallery.shops import Shop
from titlecraft.records import DatasetRecord, EvaluationRecord

PRODUCTS, SEED, TITLES = 6_000, 7, 3


@dataclass(frozen=True)
class Run:
    """What one run gave.

    Args:
        shop: whose run it is.
        rows: published rows by split.
        lost: lines that were not published, by reason.
        commands: what was typed, without the name of the program.
        report: the evaluation's record.
        answers: TITLES random titles of the report with both answers.
        stated: shares of the titles' attributes that the answers state, before and after.
        same: the answers after training that are different, and all of them.
        verified: the verdict of `titlecraft verify --brief`.
    """

    shop: Shop
    rows: dict[str, int]
    lost: dict[str, int]
    commands: list[list[str]]
    report: EvaluationRecord
    answers: list[dict[str, str]]
    stated: tuple[float, float]
    same: tuple[int, int]
    verified: str


def titlecraft(arguments: list[str], work: Path) -> str:
    """Run a command in the folder `work`, which keeps what it printed, and return that.

    Raises RuntimeError if it fails; verify's 3 says that a level was left out.
    """
    command = [sys.executable, "-m", "titlecraft.command_line.main", *arguments]
    done = subprocess.run(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log = work / f"{arguments[0]}.log"
    log.write_text(done.stdout)
    if done.returncode not in ((0, 3) if arguments[0] == "verify" else (0,)):
        raise RuntimeError(f"{arguments[0]} of {arguments[-1]}: see {log}")
    return done.stdout


def publish_base(shop: Shop, repo: str) -> None:
    """Pre-train the shop's toy base, and publish it."""
    from titlecraft.command_line.demo.pretraining import pretrain
    from titlecraft.command_line.demo.tiny_base import loads
    from titlecraft.hub.pins import published_pin
    from titlecraft.hub.publishing import publish

    if published_pin(repo, "model"):
        return
    with tempfile.TemporaryDirectory() as folder:
        pretrain(Path(folder), shop.steps, SEED, draw=shop.texts, language=shop.language)
        publish(
            repo,
            "model",
            None,
            Path(folder),
            f"Pre-train for {shop.steps} steps",
            private=False,
            replaces=(),
            check=loads,
        )


def run(shop: Shop, work: Path) -> Run:
    """Run the path from the shop's catalogue to the report, and read what it published."""
    from huggingface_hub import hf_hub_download

    from evaluation.report.examples import starting_views
    from evaluation.report.predictions import read_predictions
    from titlecraft.command_line.demo.attributes import share_stated
    from titlecraft.command_line.demo.ending import newest_report
    from titlecraft.records.base import read_record
    from titlecraft.records.repo_files import DATASET_RECORD, PREDICTIONS, REPORT

    base, data, adapter = (f"titlecraft/{shop.name}-{kind}" for kind in ("base", "descriptions", "adapter"))
    work.mkdir(parents=True, exist_ok=True)
    publish_base(shop, base)
    shop.write(work / shop.file, shop.draw(PRODUCTS, SEED))
    recipe = ["--recipe", "tiny", "--public"]
    commands = [
        ["build", shop.file, "--repo", data, *shop.options, *recipe],
        ["train", "--dataset", data, "--repo", adapter, f"--base.repo={base}", *recipe],
        ["evaluate", "--adapter", adapter, "--recipe", "tiny"],
        ["verify", adapter, "--brief"],
    ]
    printed = [titlecraft(command, work) for command in commands]
    folder = newest_report(adapter)
    report, answers = (Path(hf_hub_download(adapter, f"{folder}/{name}")) for name in (REPORT, PREDICTIONS))
    record, rows = read_record(report.read_bytes(), EvaluationRecord, adapter), read_predictions(answers)
    published = Path(hf_hub_download(data, DATASET_RECORD, repo_type="dataset")).read_bytes()
    built = read_record(published, DatasetRecord, data)
    arms = [share_stated(((row["title"], row[arm]) for row in rows), shop.attributes) for arm in ("before", "after")]
    return Run(
        shop,
        {name: split.rows for name, split in built.splits.items()},
        dict(Counter(built.dropped) + Counter(built.quarantined)),
        commands,
        record,
        [rows[index] for index in starting_views(record, rows)["random"][:TITLES]],
        (arms[0], arms[1]),
        (len({row["after"] for row in rows}), len(rows)),
        next(line for line in printed[-1].splitlines() if line.startswith("verified")),
    )

"""The main job at a small size: the commands of a user, one after another, on the embedded Hub.

TINY takes the base that is part of the package; REAL takes a published model of 135 million parameters.
"""

import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from local_hub.server import start
from titlecraft.errors import UserError

ROWS, CATALOGUE_SEED = 20_000, 7
QUESTION = "Harbourline Yellow Steel Kettle"
TITLECRAFT = ["-m", "titlecraft.command_line.main"]


@dataclass(frozen=True)
class Demo:
    """What a demo publishes and how.

    Args:
        base: repo of the base model.
        publish_base: module that publishes it, and what it says it does.
        dataset: repo of the dataset.
        adapter: repo of the adapter.
        recipe: name of the recipe of every stage.
        titles: titles whose answers are shown at the end.
    """

    base: str
    publish_base: tuple[str, str]
    dataset: str
    adapter: str
    recipe: str
    titles: int = 1


TINY = Demo(
    base="titlecraft/tiny-llama-base",
    publish_base=("titlecraft.command_line.demo.tiny_base", "the demo's base model, 1.2 million parameters"),
    dataset="titlecraft/amazon-titles-alpaca",
    adapter="titlecraft/tiny-llama-descriptions",
    recipe="tiny",
)
REAL = Demo(
    base="titlecraft/SmolLM2-135M-Instruct",
    publish_base=("titlecraft.command_line.demo.real_base", "a real base model, SmolLM2-135M-Instruct"),
    dataset="titlecraft/product-descriptions",
    adapter="titlecraft/SmolLM2-135M-descriptions",
    recipe="real",
    titles=3,
)


def commands(demo: Demo, catalogue: Path, fresh: bool) -> list[tuple[str, list[str]]]:
    """Return each step's purpose and its arguments to Python."""
    again = ["--fresh"] if fresh else []
    recipe = ["--recipe", demo.recipe, *again]
    build = ["build", str(catalogue), "--repo", demo.dataset, "--public", *recipe]
    train = ["train", "--dataset", demo.dataset, "--repo", demo.adapter, "--public", *recipe]
    module, purpose = demo.publish_base
    return [
        (purpose, ["-m", module, demo.base, *again]),
        ("catalogue -> dataset", [*TITLECRAFT, *build]),
        ("dataset + base -> adapter", [*TITLECRAFT, *train]),
        ("adapter -> before/after report", [*TITLECRAFT, "evaluate", "--adapter", demo.adapter, *recipe]),
        ("every number on the card, derived again", [*TITLECRAFT, "verify", demo.adapter, "--brief"]),
    ]


def run_main_job(root: Path, fresh: bool, demo: Demo = TINY, catalogue: Path | None = None) -> None:
    """Start the Hub, write the synthetic catalogue unless one is given, and run every step.

    Raises UserError if a step fails, which prints its own error.
    """
    started = time.monotonic()
    if catalogue and not catalogue.is_file():
        raise UserError(f"{catalogue} is not a file: --catalogue takes the path of a catalogue")
    hub = start(root / "hub")
    environment = os.environ | hub.environment(root / "hf_home")
    for purpose, command in commands(demo, catalogue or ensure_catalogue(root / "trn.json.gz"), fresh):
        shown = ["titlecraft", *command[2:]] if command[:2] == TITLECRAFT else ["python", *command]
        print(f"\n── {purpose}\n$ {shlex.join(shown)}", flush=True)
        if status := subprocess.run([sys.executable, *command], env=environment).returncode:
            raise UserError(f"the step '{purpose}' ended with status {status}; earlier steps stay published")
    os.environ.update(environment)  # before this process first imports the Hub's client
    from titlecraft.command_line.demo.ending import addresses, newest_report, print_report

    report = newest_report(demo.adapter)
    print_report(demo.adapter, report, demo.titles, invented=demo is TINY and not catalogue)
    print(f"\nDone in {time.monotonic() - started:.0f} s. Open in a browser:")
    for name, address in addresses(hub.url, demo.dataset, demo.adapter, report).items():
        print(f"  {name:<9}{address}")
    print(f"The Hub keeps running in the background (process {hub.pid}); `titlecraft hub stop` stops it.")
    print(f'\nAsk it:  titlecraft ask "{QUESTION}" --adapter {demo.adapter} --both --hub local')


def ensure_catalogue(path: Path) -> Path:
    """Return the path of the synthetic catalogue; it is written if it does not exist."""
    if not path.exists():
        from titlecraft.command_line.demo.catalogue import write_catalogue

        print(f"writing a synthetic catalogue of {ROWS:,} rows to {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_catalogue(path, ROWS, CATALOGUE_SEED)
    return path

"""python -m titlecraft.command_line.demo.tiny_base NS/NAME [--steps N] [--fresh]

Publishes the demo's base, a Llama of 1.2 million parameters that is part of the package (`base/`); pretraining.py makes it
again. With --steps N another one is pre-trained for N steps and published in its place.
"""

import argparse
import tempfile
from pathlib import Path

from titlecraft.process.quiet import quiet_libraries
from titlecraft.records import Pin

SHIPPED = Path(__file__).parent / "base"


def publish_tiny_base(repo: str, steps: int | None, seed: int, fresh: bool = False) -> Pin:
    """Publish the shipped base, or one that is pre-trained for `steps`; returns the published head if there is one, unless `fresh`."""
    from titlecraft.hub.pins import published_pin
    from titlecraft.hub.publishing import publish

    head = published_pin(repo, "model")
    if head and not fresh:
        print(f"nothing to do: {head} is there")
        return head
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if steps is None:
            for file in SHIPPED.iterdir():
                (folder / file.name).write_bytes(file.read_bytes())
            message = "Publish the demo's base"
        else:
            from titlecraft.command_line.demo.pretraining import pretrain

            pretrain(folder, steps, seed)
            message = f"Pre-train a tiny base for {steps} steps"

        return publish(repo, "model", head, folder, message, private=False, replaces=(), check=loads)


def loads(folder: Path) -> None:
    """Load the base of a folder. Raises what transformers raises."""
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repo")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    quiet_libraries()
    print(f"base {publish_tiny_base(options.repo, options.steps, options.seed, options.fresh)}")

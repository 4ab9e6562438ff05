"""Runs one evaluation of the tiny world in a fresh process without network access; prints JSON.

python -m tests.evaluation.run_evaluation evaluate NS/NAME[@REV]
python -m tests.evaluation.run_evaluation counted NS/NAME[@REV] [CALL:NUMBER, after which SIGKILL: generate:4, nll:30]
python -m tests.evaluation.run_evaluation measure NS/NAME[@REV] FOLDER
"""

import json
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from titlecraft.errors import UserError
from titlecraft.settings import Evaluation, Generation, Recipe

RECIPE = Recipe(
    evaluation=Evaluation(
        titles=24,
        batch_size=8,
        resamples=999,
        sampled=2,
        benchmarks=["lighteval|arc:easy|0", "arc:easy|2", "lighteval|arc:easy|2"],
        grounded=True,
        retriever="titlecraft/tiny-encoder",
        bertscore="titlecraft/tiny-encoder@main",
    ),
    generation=Generation(max_new_tokens=10),
)


def loopback_only() -> None:
    """Refuse connections to other machines: an evaluation must start offline."""
    connect = socket.socket.connect

    def checked(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise RuntimeError(f"an evaluation tried to reach {address}")
        connect(self, address)

    socket.socket.connect = checked


def count_calls(last: str) -> Counter[str]:
    """Count the batches that the model computes; kill this process after the last one, before it is stored."""
    from evaluation.lighteval_harness.pipeline import restored_process

    with restored_process():
        from evaluation import experiment
        from evaluation.lighteval_harness import switched_model

    calls: Counter[str] = Counter()

    def counted(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def counting(*arguments: object) -> object:
            answers = call(*arguments)
            calls[name] += 1
            if f"{name}:{calls[name]}" == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return answers

        return counting

    opened = experiment.open_decoder

    def open_counted(*arguments: Any) -> Any:
        decoder: Any = opened(*arguments)
        decoder.answers = counted("generate", decoder.answers)
        return decoder

    experiment.open_decoder = open_counted
    switched_model.reference_nll = counted("nll", switched_model.reference_nll)
    return calls


def main(how: str, adapter: str, where: str = "") -> dict[str, object]:
    """Run the evaluation of the command line and print its result."""
    from evaluation.inputs import read_inputs
    from evaluation.run import evaluate

    calls = count_calls(last=where) if how == "counted" else {}
    start = perf_counter()
    if how == "measure":
        from evaluation.experiment import measure

        record = measure(read_inputs(adapter, RECIPE), RECIPE, Path(where))
        pin = record.adapter
    else:
        write_card = lambda folder, repo, head: (folder / "README.md").write_text(f"---\nlicense: mit\n---\n# {repo}\n")  # noqa: E731
        pin, record = evaluate(adapter, RECIPE, fresh=False, write_card=write_card)
    heavy = [name for name in ("torch", "transformers", "lighteval", "datasets", "scipy") if name in sys.modules]
    torch = sys.modules.get("torch")
    return {
        "pin": str(pin.revision),
        "id": record.id,
        "calls": calls,
        "seconds": perf_counter() - start,
        "imported": heavy,
        "built_in_tasks": [name for name in sys.modules if name.startswith("lighteval.tasks.tasks.")],
        "gradients": torch.is_grad_enabled() if torch else None,
    }


if __name__ == "__main__":
    loopback_only()
    try:
        print(json.dumps(main(*sys.argv[1:])))
    except UserError as error:
        sys.exit(f"error: {error}")

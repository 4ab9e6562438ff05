"""python benchmarks/loss_guard.py [--families llama granite] [--precisions float32]

Compares losses and NLLs of this project with those of the plain model, in nats per token, for tiny random models of many
families: training plain, fused, packed, packed and fused; evaluation one by one, in padded batches, and in one packed row. The
reference is the float32 cross-entropy of `model(input_ids).logits`, one sequence at a time, without kernels or adapters. An
unsupported mode is refused before the first step; the table has the message. Writes benchmarks/results/loss_guard.json.

Runs on a CPU (float32, a minute) and, unchanged, on a CUDA GPU (float32 and bfloat16). Needs no network and no Hub.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import print_bars, write_results  # noqa: E402

RESULTS = HERE / "results" / "loss_guard.json"
MODES = {"plain": (False, False), "fused": (False, True), "packed": (True, False), "packed and fused": (True, True)}
SCORED = ("evaluation, one by one", "evaluation, padded", "evaluation, documents")
LENGTHS, CAPACITY = (7, 30, 12, 25, 9, 18, 5, 22, 11, 16), 40


def examples() -> Any:
    """Return ten examples of different lengths; the completion is half of each."""
    import numpy as np
    from datasets import Dataset

    drawn = np.random.default_rng(3)
    rows = [drawn.integers(5, 300, length).tolist() for length in LENGTHS]
    labels = [[-100] * (len(row) // 2) + row[len(row) // 2 :] for row in rows]
    return Dataset.from_dict({"input_ids": rows, "labels": labels})


def tokenizer() -> Any:
    """Return a tokenizer for TRL, which does not use it: the examples are already tokenised."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "<pad>": 2}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def base_of(family: str, precision: str) -> Any:
    """Return the family's tiny model on this machine's device, in this precision."""
    import torch

    from tests.tiny_families import make

    model = make(family).to(getattr(torch, precision))
    return model.cuda() if torch.cuda.is_available() else model


def trained(family: str, precision: str, mode: str, *more: str) -> float:
    """Return the difference of the training loss to the model's own, the larger one of a zero and a nonzero adapter."""
    import numpy as np
    import torch

    from tests.tiny_families import with_adapter
    from titlecraft.records import Pin
    from titlecraft.settings import Training
    from training.data.packing import longest_of_rows, packed_dataset
    from training.model.kernels import apply_kernels
    from training.model.own_loss import measure, nonzero_adapter, trainer_loss
    from training.model.packable import require_packable
    from training.model.router_loss import leave_router_loss_out
    from training.trainer import make_trainer

    packing, fused = MODES[mode]
    settings = Training(
        backend="trl",
        packing=packing,
        fused_kernels=fused,
        batch_size=2,
        accumulation=1,
        max_steps=1,
        precision=precision,  # pyright: ignore[reportArgumentType]  # one of --precisions
        optimizer="adamw_torch",
        gradient_checkpointing=False,
    )
    base = base_of(family, precision)
    if packing:
        require_packable(base.config, Pin(type="model", repo="tiny/base", revision="0" * 40), CAPACITY)
    model, dataset, lengths = with_adapter(base, *more), examples(), np.array(LENGTHS)
    leave_router_loss_out(model)
    if packing:
        dataset = packed_dataset(dataset, lengths, CAPACITY, seed=1)
        lengths = longest_of_rows(dataset, lengths)
    own = measure(model, dataset, lengths, settings.batch_size)
    apply_kernels(model, settings)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(model, tokenizer(), dataset, settings, precision, Path(folder))
        trainer.model.eval()
        fresh = trainer_loss(trainer, own.indices)
        with nonzero_adapter(trainer.model), torch.no_grad():
            return max(abs(fresh - own.fresh), abs(trainer_loss(trainer, own.indices) - own.nonzero))


def scored(family: str, precision: str) -> dict[str, float | str]:
    """Return the difference of evaluation's NLL to the model's own, in its three modes."""
    import numpy as np

    from titlecraft.models.attention.document import documents_fault
    from titlecraft.models.attention.grouped import attention_of
    from titlecraft.models.loss.answer_nll import plain_nll, reference_nll

    drawn, model = np.random.default_rng(2), base_of(family, precision)
    pairs = [
        (drawn.integers(3, 300, asked).tolist(), drawn.integers(3, 300, answered).tolist())
        for asked, answered in ((5, 9), (20, 30), (12, 25))
    ]
    own = [plain_nll(model, *pair) for pair in pairs]

    def apart(found: list[float]) -> float:
        return max(abs(one - other) / len(pair[1]) for one, other, pair in zip(own, found, pairs, strict=True))

    alone = apart([reference_nll(model, [pair], 2)[0] for pair in pairs])
    padded: float = apart(reference_nll(model, pairs, 2))
    fault = documents_fault(model)
    if fault:
        return dict(zip(SCORED, (alone, padded, f"padded instead: {fault}"), strict=True))
    with attention_of("scoring", model, on_gpu=True):
        return dict(zip(SCORED, (alone, padded, apart(reference_nll(model, pairs, 2))), strict=True))


def or_refused(compute: Callable[[], float]) -> float | str:
    """Return the difference, or the message of the refusal."""
    from titlecraft.errors import UserError

    try:
        return compute()
    except UserError as error:
        return f"refused: {error}"


def measure_all(families: list[str], precision: str) -> Iterator[tuple[str, dict[str, float | str]]]:
    """Measure all families in all modes; and llama again with an adapter on its output layer."""
    for family in families:
        yield family, trained_each_way(family, precision) | scored(family, precision)
    if "llama" in families:
        yield "llama, lm_head adapted", trained_each_way("llama", precision, "lm_head")


def trained_each_way(family: str, precision: str, *more: str) -> dict[str, float | str]:
    """Return `trained` for every mode."""
    return {f"training, {mode}": or_refused(partial(trained, family, precision, mode, *more)) for mode in MODES}


def bars_of(table: dict[str, dict[str, float | str]], precision: str) -> list[dict[str, Any]]:
    """Return one bar for each mode (the worst family, mixtures of experts separately), and one for refusals without a fix."""
    from titlecraft.models.loss.guard import ROUTED_TOLERANCE, TOLERANCE

    bars, dense = [], TOLERANCE[precision]
    for kind, bar in (("", dense), (", mixtures of experts", max(dense, ROUTED_TOLERANCE))):
        rows = [row for family, row in table.items() if is_routed(family) == bool(kind)]
        for way in [*(f"training, {mode}" for mode in MODES), *SCORED]:
            if values := [value for row in rows if isinstance(value := row.get(way), float)]:
                worst = max(values, key=lambda value: (value != value, value))  # NaN is the worst
                bars.append(
                    {
                        "name": f"{way}, {precision}{kind}",
                        "value": float(f"{worst:.2e}"),
                        "bar": bar,
                        "unit": "nats per token, at most",
                        "holds": worst <= bar,
                    }
                )
    refusals = [str(value) for row in table.values() for value in row.values() if str(value).startswith("refused")]
    silent = [one for one in refusals if "=false" not in one]
    bars.append(
        {
            "name": f"refusals without a fix, {precision}",
            "value": len(silent),
            "bar": 0,
            "unit": f"of {len(refusals)}",
            "holds": not silent,
        }
    )
    return bars


def is_routed(family: str) -> bool:
    """Return whether a family is a mixture of experts."""
    return any(name in family for name in ("mixtral", "moe", "gpt-oss"))


def ask_all(families: list[str]) -> None:
    """Record the attention arguments of every family, as a training does before it applies kernels."""
    from titlecraft.models.attention.document import documents_fault

    for family in families:
        documents_fault(base_of(family, "float32"))


def main() -> None:
    """Measure, print the bars, and write the results."""
    import torch

    from tests.tiny_families import FAMILIES
    from titlecraft.models.base.model import device_name
    from titlecraft.process.quiet import quiet_libraries

    on_gpu = torch.cuda.is_available()
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--families", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    options.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"] if on_gpu else ["float32"])
    options.add_argument("--out", type=Path, default=RESULTS)
    asked = options.parse_args()
    quiet_libraries()
    torch.set_num_threads(1)
    ask_all(asked.families)
    tables, bars = {}, []
    for precision in asked.precisions:
        tables[precision] = {}
        for family, row in measure_all(asked.families, precision):
            tables[precision][family] = row
            shown = ", ".join(
                f"{value:.0e}" if isinstance(value, float) else str(value).split(":")[0] for value in row.values()
            )
            print(f"{precision:<9}{family:<24}{shown}", flush=True)
        bars += bars_of(tables[precision], precision)
    result = {"device": device_name(), "torch": torch.__version__, "bars": bars, "apart": tables}
    write_results(asked.out, result)
    print_bars(bars)


if __name__ == "__main__":
    main()

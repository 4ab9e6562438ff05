"""A batch that does not fit into the machine's memory is refused before the first step."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from transformers import LlamaConfig

from titlecraft.errors import UserError
from titlecraft.settings import Recipe, Training
from training.planning import host_memory
from training.planning.host_memory import require_host_memory

SMALL = LlamaConfig(vocab_size=512, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4)


def encoded(examples: int) -> Any:
    lengths = np.full(examples, 100)
    return SimpleNamespace(config=SMALL, longest=256, examples=SimpleNamespace(lengths=lengths))


@pytest.fixture(autouse=True)
def one_gigabyte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "host_memory", lambda: 10**9)
    monkeypatch.setattr(host_memory, "free_memory", lambda: None)


@pytest.mark.parametrize(("batch", "accumulation"), [(99_999_999, 1), (9_000, 4)])
@pytest.mark.parametrize("packing", [False, True])
def test_a_batch_beyond_the_memory_is_refused_with_one_that_fits(batch: int, accumulation: int, packing: bool) -> None:
    recipe = Recipe(training=Training(batch_size=batch, accumulation=accumulation, packing=packing))
    with pytest.raises(UserError) as caught:
        require_host_memory(recipe, encoded(100_000))
    message = str(caught.value)
    assert f"training.batch_size {batch:,} takes " in message and "and this machine has 1.0 GB" in message
    options = dict(word.removeprefix("--training.").split("=") for word in message.split() if word.startswith("--"))
    again = Training(batch_size=int(options["batch_size"]), accumulation=int(options["accumulation"]), packing=packing)
    require_host_memory(Recipe(training=again), encoded(100_000))
    items = 100_000 if not packing else -(-100_000 * 100 // 256)
    assert again.batch_size * again.accumulation >= min(batch, items) * accumulation


def test_what_fits_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_host_memory(Recipe(training=Training(batch_size=64)), encoded(100_000))
    require_host_memory(Recipe(training=Training(batch_size=99_999_999)), encoded(50))  # a step takes 50 examples
    monkeypatch.setattr(host_memory, "free_memory", lambda: 10**9)
    require_host_memory(Recipe(training=Training(batch_size=99_999_999)), encoded(100_000))  # the GPU's memory decides


def test_a_containers_limit_counts(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    found = []
    for text in ("max\n", "12345\n"):
        (tmp_path / "memory.max").write_text(text)
        monkeypatch.setattr(host_memory, "OF_CONTAINER", tmp_path / "memory.max")
        found.append(host_memory.host_memory())
    assert found[0] > 10**9 and found[1] == 12345

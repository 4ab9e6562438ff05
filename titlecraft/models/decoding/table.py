"""The state of the static decoder on the device: KV cache, newest token and position of each row, and the decoding step.

On a GPU a step is captured once as a CUDA graph for each `Kind`, and then replayed.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from titlecraft.models.decoding.choose import CpuRowChooser
from titlecraft.models.decoding.network import Cache, Network
from titlecraft.models.decoding.products import Use
from titlecraft.models.decoding.request import Request
from titlecraft.process.out_of_memory import is_out_of_memory

ROUND = 64  # columns of the cache are a multiple of it


@dataclass(frozen=True)
class Kind:
    """The properties that a captured step depends on.

    Args:
        rows: number of computed rows.
        arms: "base", "tuned" or "mixed".
        candidates: number of candidates of `RowChooser`.
    """

    rows: int
    arms: str
    candidates: int


class Table:
    """The rows of a batch.

    Args:
        rows: maximum number of rows.
        columns: maximum number of tokens of prompt and answer.
        steps: number of steps between two reads of the tokens.
    """

    def __init__(self, network: Network, rows: int, columns: int, steps: int) -> None:
        self.network, self.rows, self.steps = network, rows, steps
        self.on_gpu = network.device.type == "cuda"
        columns = -(-columns // ROUND) * ROUND
        self.cache = Cache(network, rows, columns)
        self.tokens, self.positions = (torch.zeros(rows, dtype=torch.long, device=network.device) for _ in range(2))
        self.tuned = torch.zeros(rows, 1, dtype=network.dtype, device=network.device)
        self.history = torch.zeros(steps, rows, dtype=torch.long, device=network.device)
        self.newest = torch.zeros(1, dtype=torch.long, device=network.device)
        self.chooser: Any = CpuRowChooser(rows)
        if self.on_gpu:
            from titlecraft.models.decoding.choose_rows import RowChooser

            self.chooser = RowChooser(rows, columns, network.device)
        self.graphs: dict[Kind, Any] = {}
        self.pool: Any = None

    def begin(self, rows: list[int], requests: Sequence[Request], kind: Kind) -> Tensor:
        """Prefill the prompts of requests into these rows; return the first token ids [n]."""
        device = self.network.device
        lengths = torch.tensor([len(request.prompt) for request in requests])
        ids = torch.zeros(len(requests), int(lengths.max()), dtype=torch.long)
        for number, request in enumerate(requests):
            ids[number, : lengths[number]] = torch.tensor(request.prompt)
        index, lengths = torch.tensor(rows).to(device), lengths.to(device)
        tuned = torch.tensor([[float(request.arm == "tuned")] for request in requests])
        self.tuned[index] = tuned.to(device, self.network.dtype)
        self.chooser.begin(rows, requests)
        use: Use = self.tuned[index] if kind.arms == "mixed" else kind.arms  # pyright: ignore[reportAssignmentType]
        logits = self.network.prefill(ids.to(device), lengths, index, self.cache, use)
        first = self.chooser(logits, index, lengths - 1, kind.candidates)
        self.tokens[index], self.positions[index] = first, lengths
        return first

    def move(self, sources: list[int], targets: list[int]) -> None:
        """Copy rows to other rows."""
        device = self.network.device
        source, target = torch.tensor(sources, device=device), torch.tensor(targets, device=device)
        self.cache.move(source, target)
        self.chooser.move(source, target)
        for tensor in (self.tokens, self.positions, self.tuned):
            tensor[target] = tensor[source]

    def advance(self, kind: Kind, longest: int) -> Tensor:
        """Advance the first `kind.rows` rows by `steps` tokens; return them, [steps, rows] on the device.

        Args:
            longest: larger than all positions; a graph ignores it.
        """
        self.newest.zero_()
        if self.on_gpu:
            if kind not in self.graphs:
                self.graphs[kind] = self.capture(kind)
            self.newest.zero_()
        graph = self.graphs.get(kind)
        for number in range(self.steps):
            graph.replay() if graph is not None else self.step(kind, longest + number)
        return self.history[:, : kind.rows]

    def step(self, kind: Kind, longest: int) -> None:
        """Advance the first rows by one token; the position of a full row does not change."""
        n = kind.rows
        use: Use = self.tuned[:n] if kind.arms == "mixed" else kind.arms  # pyright: ignore[reportAssignmentType]
        tokens, positions = self.tokens[:n], self.positions[:n]
        logits = self.network.step(tokens, positions, self.cache, use, longest)
        chosen = self.chooser(logits, torch.arange(n, device=logits.device), positions, kind.candidates)
        self.history[:, :n].index_copy_(0, self.newest, chosen[None])
        tokens.copy_(chosen)
        positions.add_(1).clamp_(max=self.cache.columns - 1)
        self.newest.add_(1)

    def capture(self, kind: Kind) -> Any:
        """Return a step captured as a CUDA graph, or None if capture fails. Runs a warm-up step and restores the state."""
        tokens, positions = self.tokens.clone(), self.positions.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self.step(kind, self.cache.columns)
        torch.cuda.current_stream().wait_stream(stream)
        self.newest.zero_()
        self.pool = self.pool or torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self.pool):
                self.step(kind, self.cache.columns)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            print(
                f"decoding without a CUDA graph, which is slower: {error}".splitlines()[0], file=sys.stderr, flush=True
            )
            graph = None
        self.tokens.copy_(tokens)
        self.positions.copy_(positions)
        return graph

    def grown(self, columns: int) -> "Table":
        """Return a table with more columns and the same rows."""
        larger = Table(self.network, self.rows, columns, self.steps)
        larger.cache.take(self.cache)
        for name in ("tokens", "positions", "tuned"):
            getattr(larger, name).copy_(getattr(self, name))
        larger.chooser.take(self.chooser)
        return larger

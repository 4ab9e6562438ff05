"""The fast decoder: continuous batching over a static KV cache. A row whose answer has ended takes the next request.

On a GPU the host does not wait for the steps that it has just launched: it reads the tokens of the previous ones, finds the rows
that have ended, and starts waiting requests in them.
"""

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from titlecraft.models.attention.document import varlen_fault
from titlecraft.models.decoding.choose_rows import candidates_of
from titlecraft.models.decoding.decoder import Decoder, States
from titlecraft.models.decoding.network import Network
from titlecraft.models.decoding.request import Answering, Arm, Request
from titlecraft.models.decoding.table import Kind, Table

STEPS = 8  # launched on a GPU before the host reads tokens; half as many for few rows, so that streams are smooth
FEW_ROWS = 8
ROUNDS = 4  # requests for each row in one call, so that few rows are idle at the end
PREFILL_TOKENS = 1 << 14  # of one forward pass
FEWEST_COLUMNS = 512  # so that later requests reuse captured graphs
COMPACT = 8  # busy rows are compacted on a GPU if they are fewer than 1 / COMPACT of those computed


@dataclass(frozen=True)
class Record:
    """Tokens [steps, rows] that are being copied from the GPU, and the answer of each row."""

    tokens: Any
    ready: Any
    rows: list[tuple[int, Answering]]


class StaticDecoder(Decoder):
    """Decodes a model of a known family.

    Args:
        network: the forward pass.
        rows: maximum number of answers at once.
        context: maximum number of tokens of prompt and answer.
    """

    def __init__(self, network: Network, rows: int, context: int, description: str) -> None:
        self.network, self.rows, self.context, self.description = network, rows, context, description
        self.on_gpu = network.device.type == "cuda"
        self.at_once = rows * (ROUNDS if self.on_gpu else 1)
        self.waiting: deque[Answering] = deque()
        self.slots: list[Answering | None] = [None] * rows
        self.records: deque[Record] = deque()
        self.table: Table | None = None

    def add(self, request: Request) -> Answering:
        """Put a request into the queue. Raises ValueError if it exceeds the context."""
        if not request.prompt or len(request.prompt) + request.new_tokens > self.context:
            raise ValueError(
                f"{len(request.prompt)} tokens and {request.new_tokens} new ones: expected 1 to {self.context} in all"
            )
        self.waiting.append(answering := Answering(request))
        return answering

    def cancel(self, answering: Answering) -> None:
        """End an answer; its row is free for the next."""
        answering.stop = answering.stop or "cancelled"
        self.waiting = deque(one for one in self.waiting if one is not answering)
        self.slots = [None if one is answering else one for one in self.slots]

    def states(self, arm: Arm) -> States | None:
        """Return a function that computes last hidden states on a GPU with varlen attention; None elsewhere."""
        if varlen_fault(self.network.device.type) is not None or self.network.dtype == torch.float32:
            return None
        return partial(self.network.states, use=arm)

    def fail(self, answers: list[Answering], error: BaseException) -> None:
        """End answers with an error."""
        for one in answers:
            one.error = error
            self.cancel(one)

    def release(self) -> None:
        """Free the cache and the graphs. No-op while an answer is running."""
        if not any(self.slots):
            self.table = None
            self.records.clear()

    def step(self) -> None:
        """Start waiting requests if enough rows are free; otherwise advance the busy rows."""
        free = self.slots.count(None)
        with torch.no_grad():
            if self.waiting and free >= min(len(self.waiting), max(1, self.rows // 8)):
                self.begin(free)
                self.read(leave=0)
            elif any(self.slots):
                try:
                    self.advance()
                    self.read(leave=1 if self.on_gpu else 0)
                except BaseException as error:  # some rows may have advanced
                    self.fail([one for one in self.slots if one is not None], error)
                    self.table = None
                    raise
        if not any(self.slots):
            self.records.clear()

    def begin(self, free: int) -> None:
        """Prefill the prompts of the first waiting requests into free rows."""
        table = self.table_for(max(len(one.request.prompt) + one.request.new_tokens for one in self.waiting))
        rows = [row for row, one in enumerate(self.slots) if one is None]
        starting = [self.waiting.popleft() for _ in range(min(free, len(self.waiting)))]
        while starting:
            longest = count = 0
            for one in starting:
                longest = max(longest, len(one.request.prompt))
                if count and (count + 1) * longest > PREFILL_TOKENS:
                    break
                count += 1
            batch, starting = starting[:count], starting[count:]
            taken, rows = rows[:count], rows[count:]
            for row, one in zip(taken, batch, strict=True):
                self.slots[row] = one
            requests = [one.request for one in batch]
            try:
                first = table.begin(taken, requests, self.kind(requests, len(requests)))
            except BaseException as error:
                self.fail([*batch, *starting], error)
                raise
            self.record(first[None], list(enumerate(batch)))

    def advance(self) -> None:
        """Launch the next steps of the busy rows."""
        assert self.table is not None
        self.compact()
        in_work = [(row, one) for row, one in enumerate(self.slots) if one is not None]
        needed = in_work[-1][0] + 1
        rows = next(size for size in sizes(self.rows) if size >= needed) if self.on_gpu else needed
        longest = max(len(one.request.prompt) + len(one.tokens) for _, one in in_work)
        tokens = self.table.advance(self.kind([one.request for _, one in in_work], rows), longest)
        self.record(tokens, in_work)

    def compact(self) -> None:
        """Move the last busy rows into free ones: always on a CPU, where each row costs time; on a GPU only if most are free."""
        assert self.table is not None
        in_work = [row for row, one in enumerate(self.slots) if one is not None]
        holes = [row for row, one in enumerate(self.slots[: len(in_work)]) if one is None]
        if not holes or (self.on_gpu and (self.waiting or len(in_work) * COMPACT > in_work[-1] + 1)):
            return
        last = in_work[-len(holes) :]
        self.table.move(last, holes)
        for source, target in zip(last, holes, strict=True):
            self.slots[target], self.slots[source] = self.slots[source], None

    def record(self, tokens: Any, rows: list[tuple[int, Answering]]) -> None:
        """Start to copy tokens [steps, rows] to the host."""
        ready = None
        if self.on_gpu:
            on_host = torch.empty(tokens.shape, dtype=tokens.dtype, pin_memory=True)
            on_host.copy_(tokens, non_blocking=True)
            ready, tokens = torch.cuda.Event(), on_host
            ready.record()
        self.records.append(Record(tokens, ready, rows))

    def read(self, leave: int) -> None:
        """Append tokens to their answers, except those of the last `leave` records; free the rows that have ended."""
        while len(self.records) > leave:
            record = self.records.popleft()
            if record.ready is not None:
                record.ready.synchronize()
            columns = record.tokens.t().tolist()
            for row, one in record.rows:
                for token in columns[row]:
                    if one.stop is None:
                        one.take(token)
        self.slots = [None if one is not None and one.stop is not None else one for one in self.slots]

    def kind(self, requests: list[Request], rows: int) -> Kind:
        """Return the kind of step for these requests."""
        arms = {request.arm for request in requests}
        return Kind(rows, arms.pop() if len(arms) == 1 else "mixed", candidates_of(requests, self.network.vocabulary))

    def table_for(self, columns: int) -> Table:
        """Return the table; create or enlarge it for this number of columns."""
        if self.table is None or self.table.cache.columns < columns:
            wanted = columns
            if self.rows <= FEW_ROWS:
                now = 0 if self.table is None else self.table.cache.columns
                wanted = max(columns, min(max(FEWEST_COLUMNS, 2 * now), self.context))
            steps = 1 if not self.on_gpu else STEPS if self.rows > FEW_ROWS else STEPS // 2
            self.table = (
                Table(self.network, self.rows, wanted, steps) if self.table is None else self.table.grown(wanted)
            )
        return self.table


def sizes(rows: int) -> list[int]:
    """Return the numbers of rows for which steps are captured, ascending."""
    steps = [size for power in range(14) for size in (1 << power, 3 << power >> 1)]
    return [*sorted({size for size in steps if 0 < size < rows}), rows]

"""Progress bars with rates for the parts of a run, and the time of each part."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter


class Progress:
    """Progress bars on stderr in a terminal, one line per part elsewhere; sums seconds and counts per part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    @contextmanager
    def bar(self, activity: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar of `total` answers; yield a function that advances it by a number of answers."""
        from rich import progress as rich
        from rich.console import Console

        start = perf_counter()
        columns = (
            rich.TextColumn("{task.description:<11}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TextColumn("{task.fields[rate]}"),
            rich.TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        with rich.Progress(*columns, console=console, disable=not console.is_terminal) as bars:
            task = bars.add_task(activity, total=total, rate="")

            def advance(count: int) -> None:
                completed = bars.tasks[0].completed + count
                bars.update(task, completed=completed, rate=f"{completed / (perf_counter() - start):.1f} answers/s")

            yield advance
        took = perf_counter() - start
        self.seconds[activity] = self.seconds.get(activity, 0.0) + took
        self.counts[activity] = self.counts.get(activity, 0) + total
        if not console.is_terminal:
            print(f"{activity}: {total} in {took:.1f} s", file=sys.stderr, flush=True)

    @contextmanager
    def part(self, activity: str) -> Iterator[None]:
        """Time a part without a bar."""
        start = perf_counter()
        yield
        self.seconds[activity] = self.seconds.get(activity, 0.0) + perf_counter() - start

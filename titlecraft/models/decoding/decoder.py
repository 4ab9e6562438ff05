"""What every decoder does, and one decoder shared by threads."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from titlecraft.models.decoding.request import Answering, Arm, Request

States = Callable[[Sequence[Sequence[int]]], list[Any]]
"""Token ids of texts -> their last hidden states, [tokens, hidden] each."""


class Decoder(ABC):
    """Answers a queue of requests with one loaded model. Not for several threads at once: see `SharedDecoder`.

    Args:
        description: how it decodes, in a few words.
        at_once: the number of requests that `answers` is best given: fewer leave rows idle.
    """

    description = ""
    at_once = 1

    @abstractmethod
    def add(self, request: Request) -> Answering:
        """Put a request into the queue. It begins with the next `step` that has room, beside those in work."""

    @abstractmethod
    def step(self) -> None:
        """Advance the answers in work by at least one token, or let waiting requests begin. No-op if there are none."""

    @abstractmethod
    def cancel(self, answering: Answering) -> None:
        """End an answer, in work or waiting, so that its memory serves others. No-op if it has ended."""

    def states(self, arm: Arm) -> States | None:
        """Return a function that computes last hidden states faster than the model's own forward pass; None if there is none."""
        return None

    def release(self) -> None:  # noqa: B027 (nothing to do for most)
        """Free the memory that is kept for the next answers, if nothing is in work."""

    def answers(self, requests: Sequence[Request]) -> list[list[int]]:
        """Return the token ids of the answer to each request, in order; an answer ended by a stop token holds it."""
        in_work = [self.add(request) for request in requests]
        try:
            while any(one.stop is None for one in in_work):
                self.step()
        finally:
            for one in in_work:
                self.cancel(one)
        return [one.tokens for one in in_work]


class SharedDecoder:
    """A decoder for any number of threads. A thread that waits for tokens advances the answers of all; none runs beside.

    Args:
        turn: makes a context that surrounds each step, such as a number of threads for small models.
        lock: held while the model computes; whoever else runs the model holds it too.
    """

    def __init__(
        self,
        decoder: Decoder,
        turn: Callable[[], AbstractContextManager[object]] = nullcontext,
        lock: Any = None,
    ) -> None:
        self.decoder, self.turn = decoder, turn
        self.lock = lock or threading.Lock()

    def stream(self, *requests: Request) -> Generator[tuple[Answering, ...], None, None]:
        """Yield the answers each time that one has grown, until all have ended. Closing the iterator cancels them.
        Raises what ended one of them, such as a full memory, in whatever thread it happened.

        Requests of one call begin together and advance in the same batches.
        """
        with self.lock:
            answers = tuple(self.decoder.add(request) for request in requests)
        try:
            seen, ended = 0, False
            while not ended:
                with self.lock, self.turn():
                    if sum(len(one.tokens) for one in answers) == seen and any(one.stop is None for one in answers):
                        self.decoder.step()
                    if error := next((one.error for one in answers if one.error), None):
                        raise error
                    grown, ended = sum(len(one.tokens) for one in answers), all(one.stop for one in answers)
                if grown > seen or ended:
                    seen = grown
                    yield answers
        finally:
            with self.lock:
                for one in answers:
                    self.decoder.cancel(one)

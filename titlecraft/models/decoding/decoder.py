"""The interface of all decoders, and a decoder that threads share."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from titlecraft.models.decoding.request import Answering, Arm, Request

States = Callable[[Sequence[Sequence[int]]], list[Any]]
"""Token ids of texts -> their last hidden states, [tokens, hidden] each."""


class Decoder(ABC):
    """Answers a queue of requests with one loaded model. Not thread-safe: see `SharedDecoder`.

    Args:
        description: the decoding method, in a few words.
        at_once: number of requests for one call of `answers` that keeps all rows busy.
    """

    description = ""
    at_once = 1

    @abstractmethod
    def add(self, request: Request) -> Answering:
        """Put a request into the queue. A later `step` starts it when a row is free."""

    @abstractmethod
    def step(self) -> None:
        """Start waiting requests, or add at least one token to the running answers. No-op without requests."""

    @abstractmethod
    def cancel(self, answering: Answering) -> None:
        """End a running or waiting answer and free its row. No-op if it has ended."""

    def states(self, arm: Arm) -> States | None:
        """Return a function that computes last hidden states faster than the model's own forward pass; None if there is none."""
        return None

    def release(self) -> None:  # noqa: B027 (nothing to do for most)
        """Free the memory that is kept for later answers. No-op while an answer is running."""

    def answers(self, requests: Sequence[Request]) -> list[list[int]]:
        """Return the token ids of the answer to each request, in order, including the stop token that ended it."""
        in_work = [self.add(request) for request in requests]
        try:
            while any(one.stop is None for one in in_work):
                self.step()
        finally:
            for one in in_work:
                self.cancel(one)
        return [one.tokens for one in in_work]


class SharedDecoder:
    """A decoder for any number of threads. There is no background thread: a thread that waits for tokens runs the next step for all.

    Args:
        turn: makes a context manager for each step, such as one that sets the number of threads.
        lock: held during each step; other code that runs the model must hold it too.
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
        """Yield the answers whenever one of them has grown, until all have ended. Closing the iterator cancels them.

        Requests of one call start together and share batches. Raises the error that ended one of them, such as
        torch.OutOfMemoryError, also if it was raised in another thread.
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

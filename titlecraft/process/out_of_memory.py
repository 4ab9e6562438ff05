"""torch's out-of-memory error of a GPU, recognised without importing torch."""

from collections.abc import Iterator
from contextlib import contextmanager

from titlecraft.errors import UserError


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception is torch.OutOfMemoryError."""
    return type(error).__name__ == "OutOfMemoryError"


@contextmanager
def explain_out_of_memory(message: str) -> Iterator[None]:
    """Raise UserError with `message` if the body runs out of GPU memory.

    Args:
        message: what to do about it; `{error}` in it stands for the first line of torch's message.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        first_line = (str(error).splitlines() or ["out of memory"])[0]
        raise UserError(message.replace("{error}", first_line)) from error

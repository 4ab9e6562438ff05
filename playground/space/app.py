"""What the app.py of a Space calls: load at its pins, and serve where the environment says."""

from typing import Any

from playground.ask.engine import Engine
from playground.page.build import build_page, import_gradio, launch_options
from titlecraft.errors import UserError
from titlecraft.records import Pin
from titlecraft.search.row_index import open_row_index


def launch(adapter: str, base: str, dataset: str) -> None:
    """Serve the page until the process ends, on loopback or where GRADIO_SERVER_NAME says (a Space sets it).

    Args:
        adapter, base, dataset: NAMESPACE/NAME@COMMIT.

    Raises:
        SystemExit: with the reason in one line.
    """
    try:
        import_gradio()  # before the minutes that a large model takes to load
        engine = Engine.open(adapter)
        training = engine.inputs.training
        for what, pin, said in (("base", training.base, base), ("dataset", training.dataset, dataset)):
            require_pin(what, pin, said)
        page = build_page(engine, open_row_index(training.dataset))
        url = opened(page)
    except UserError as error:
        raise SystemExit(f"error: {error}") from error
    print(f"{engine.inputs.adapter} on {engine.device}\n{url}", flush=True)
    page.block_thread()


def opened(page: Any) -> str:
    """Address of the page, which is served from now on: Gradio takes the next free port. Raises UserError where it cannot."""
    try:
        return page.launch(prevent_thread_lock=True, **launch_options())[1]
    except OSError as error:
        raise UserError(
            f"the page cannot be served ({error}): check GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, or unset them"
        ) from error


def require_pin(what: str, pin: Pin, said: str) -> None:
    """Raises UserError where app.py names another base or dataset than the adapter was trained with."""
    if f"{pin.repo}@{pin.revision}" != said:
        raise UserError(
            f"app.py names the {what} {said}, and the adapter was trained with {pin.repo}@{pin.revision}: "
            "publish the Space anew with `titlecraft space`"
        )

"""The function that a Space's app.py calls: load the pinned repos and serve the page."""

from typing import Any

from playground.ask.engine import Engine
from playground.page.build import build_page, import_gradio, launch_options
from titlecraft.errors import UserError
from titlecraft.records import Pin
from titlecraft.rows.index import index_of_rows


def launch(adapter: str, base: str, dataset: str) -> None:
    """Serve the page until the process ends, on loopback or on GRADIO_SERVER_NAME, which a Space sets.

    Args:
        adapter, base, dataset: NAMESPACE/NAME@COMMIT.

    Raises:
        SystemExit: with the reason in one line.
    """
    try:
        import_gradio()  # before the minutes that a large model takes to load
        engine = Engine.open(adapter)
        training = engine.inputs.training
        require_pin("base", training.base, base)
        require_pin("dataset", training.dataset, dataset)
        page = build_page(engine, index_of_rows(training.dataset, training.row_settings))
        url = open_page(page)
    except UserError as error:
        raise SystemExit(f"error: {error}") from error
    print(f"{engine.inputs.adapter} on {engine.device}\n{url}", flush=True)
    page.block_thread()


def open_page(page: Any) -> str:
    """Start to serve the page on the next free port; returns its URL. Raises UserError if it cannot be served."""
    try:
        return page.launch(prevent_thread_lock=True, **launch_options())[1]
    except OSError as error:
        raise UserError(
            f"the page cannot be served ({error}): check GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, or unset them"
        ) from error


def require_pin(what: str, pin: Pin, in_app: str) -> None:
    """Raise UserError if app.py names another base or dataset than the adapter's training record."""
    if f"{pin.repo}@{pin.revision}" != in_app:
        raise UserError(
            f"app.py names the {what} {in_app}, and the adapter was trained with {pin.repo}@{pin.revision}: "
            "publish the Space again with `titlecraft space`"
        )

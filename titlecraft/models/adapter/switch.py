"""Enabling and disabling the adapter of a PeftModel for single forward passes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def adapter_layers(model: Any) -> list[Any]:
    """Return the layers of a PeftModel that an adapter changes or replaces; none of another model."""
    return [layer for layer in model.modules() if hasattr(layer, "_disable_adapters")]


def switch(layers: list[Any], *, enabled: bool) -> None:
    """Enable or disable the adapter.

    PEFT's disable_adapter() also sets requires_grad on all parameters, which takes longer than generating a token.
    """
    for layer in layers:
        layer._disable_adapters = not enabled


@contextmanager
def switched(layers: list[Any], *, enabled: bool) -> Iterator[None]:
    """Enable or disable the adapter for the block; each layer is as it was afterwards."""
    before = [layer._disable_adapters for layer in layers]
    switch(layers, enabled=enabled)
    try:
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer._disable_adapters = was

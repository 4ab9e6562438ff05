"""Choosing the decoder of a loaded model."""

from titlecraft.models.adapter.load import Loaded
from titlecraft.models.decoding.decoder import Decoder
from titlecraft.models.decoding.plain import PlainDecoder


def open_decoder(loaded: Loaded, rows: int) -> Decoder:
    """Return a decoder of a loaded model, for as many answers at once as `rows`."""
    return PlainDecoder(
        loaded.model, loaded.tokenizer, rows, compiles=loaded.compiles, zeroed_is_base=loaded.zeroed_is_base
    )

"""Reads text of another encoding than UTF-8 as UTF-8 (data.encoding)."""

import codecs
from typing import Any

from dataset_builder.source.files.addresses import shown
from titlecraft.errors import UserError

UTF_8 = "utf-8"


def is_other_encoding(name: str) -> bool:
    """Return whether an encoding is not UTF-8, by any of its names. Raises UserError if Python has no such text encoding."""
    try:
        codecs.lookup(name)
        "".encode(name)
    except (LookupError, UnicodeError, ValueError) as error:
        raise UserError(
            f"data.encoding is {name!r}: expected an encoding that Python knows, such as utf-8, utf-16, latin-1, cp1252 or gb18030"
        ) from error
    return codecs.lookup(name).name not in ("utf-8", "utf-8-sig")


class Recoded:
    """A stream of UTF-8 bytes, read from a stream of bytes in another encoding."""

    def __init__(self, stream: Any, encoding: str, address: str) -> None:
        self.stream, self.encoding, self.address, self.position = stream, encoding, address, 0
        self.decoder = codecs.getincrementaldecoder(encoding)("strict")

    def read1(self, size: int) -> bytes:
        """Return UTF-8 bytes of about `size` bytes; nothing at the end. Raises UserError where the encoding is wrong."""
        while True:
            data = self.stream.read1(size)
            try:
                text = self.decoder.decode(data, final=not data)
            except UnicodeError as error:
                raise UserError(
                    f"{shown(self.address)}: a text of data.encoding {self.encoding!r} has no such bytes as those after byte "
                    f"{self.position + max(0, getattr(error, 'start', 0)):,}; set the encoding that it has"
                ) from error
            self.position += len(data)
            if text or not data:
                return text.encode("utf-8", "surrogatepass")

"""A catalogue on a web server that sends no length, breaks off, or stops sending; messages have no secret."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dataset_builder.source.files import catalogue
from tests.dataset_builder.build_offline import build_offline
from titlecraft.command_line.demo.catalogue import catalogue_lines
from titlecraft.errors import UserError
from titlecraft.settings import Data

TEXT = b"".join(line + b"\n" for line in catalogue_lines(2000, 4))
SECRETS = ("alice", "hunter22", "c2lnbmF0dXJl")


class Handler(BaseHTTPRequestHandler):
    """Serves TEXT in pieces; below /breaks the connection ends in the middle, below /silent nothing comes any more."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.begin()

    def do_GET(self) -> None:
        self.begin()
        for start in range(0, len(TEXT), 100_000):
            if start and "silent" in self.path:
                time.sleep(5)
            if start and "breaks" in self.path:
                self.close_connection = True
                return
            piece = TEXT[start : start + 100_000]
            self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def log_message(self, *message: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *about: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://alice:hunter22@127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_file_without_content_length(address: str, tmp_path: Path) -> None:
    record = build_offline([f"{address}/shop/rows.json?sig=c2lnbmF0dXJl"], tmp_path / "web", Data())
    (tmp_path / "rows.json").write_bytes(TEXT)
    local = build_offline(tmp_path / "rows.json", tmp_path / "local", Data())
    assert record == local and record.source.files[0].name == "rows.json"
    texts = [path.read_bytes() for path in (tmp_path / "web" / "publish").rglob("*") if path.is_file()]
    assert not any(secret.encode() in text for text in [*texts, record.to_json()] for secret in SECRETS)


@pytest.mark.parametrize("fate", ["breaks", "silent"])
def test_a_broken_transfer_is_one_line(
    fate: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "SILENCE_SECONDS", 0.5)
    with pytest.raises(UserError, match=rf"http://127\.0\.0\.1:\d+/{fate}/rows\.json: .*Error") as refused:
        build_offline([f"{address}/{fate}/rows.json?sig=c2lnbmF0dXJl"], tmp_path / "work", Data())
    assert "\n" not in str(refused.value) and not any(secret in str(refused.value) for secret in SECRETS)

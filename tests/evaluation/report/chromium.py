"""Controls headless Chromium over its debugging pipe (zero-terminated JSON messages), without a driver, package or port."""

import json
import os
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str | None:
    """Path of the installed browser, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """An open tab. `requests` are the addresses that it requested."""

    def __init__(self, read: Any, write: Any) -> None:
        self.read, self.write, self.number, self.session = read, write, 0, None
        self.requests: list[str] = []
        self.received = b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def receive(self) -> dict[str, Any]:
        """Return the next message of the browser."""
        while b"\0" not in self.received:
            if not (data := self.read.read(1 << 20)):
                raise RuntimeError("the browser went away")
            self.received += data
        raw, _, self.received = self.received.partition(b"\0")
        message = json.loads(raw)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        return message

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        self.write.write(json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        while (answer := self.receive()).get("id") != self.number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, place: Path | str, width: int, *, dark: bool = False, script: bool = True) -> None:
        """Load a file or an address in a window of this width in CSS pixels."""
        self.requests.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=place if isinstance(place, str) else place.as_uri())
        while self.receive().get("method") != "Page.loadEventFired":
            pass

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def wait(self, expression: str, seconds: float = 60) -> Any:
        """The value of the expression as soon as it is true. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while not (value := self.value(f"(one => one instanceof Node || one)({expression})")):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression} is still {value!r} after {seconds} s")
            time.sleep(0.05)
        return value

    def type(self, selector: str, text: str) -> None:
        """Replace the text of an element by typing, as a keyboard does."""
        self.value(f"(one => {{ one.focus(); one.select() }})(document.querySelector({selector!r}))")
        self.call("Input.insertText", text=text)

    def screenshot(self, file: Path) -> None:
        """A PNG of the whole page."""
        file.write_bytes(b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))


@contextmanager
def page(profile: Path) -> Iterator[Page]:
    """Yield a tab of a browser with an empty profile; the browser ends with the block."""
    commands, to_browser = os.pipe()
    from_browser, answers = os.pipe()
    command = [
        executable(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
        "--remote-debugging-pipe",
    ]
    # the browser reads descriptor 3 and writes descriptor 4; the shell puts the pipes there
    moved = ["bash", "-c", f'exec 98<&{commands} 99>&{answers} && exec "$@" 3<&98 4>&99', "bash", *command]
    process = subprocess.Popen(moved, pass_fds=(commands, answers), stderr=subprocess.DEVNULL)
    os.close(commands)
    os.close(answers)
    try:
        with os.fdopen(from_browser, "rb", buffering=0) as read, os.fdopen(to_browser, "wb", buffering=0) as write:
            yield Page(read, write)
    finally:
        process.terminate()
        process.wait(timeout=20)

"""A real Chromium that tests click and type in, by the DevTools protocol over a pipe.

No driver is needed beside the browser itself: it takes commands as JSON, each ended by a zero byte, on its descriptor 3
and answers on 4 (`--remote-debugging-pipe`, https://chromedevtools.github.io/devtools-protocol/). Drivers for Python
are fifty megabytes, or another binary that must match the browser's version; what tests need of one fits on a screen.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "Tab": ("", 9), "ArrowRight": ("", 39), "End": ("", 35)}


class Browser:
    """Chromium without a window, with one page."""

    def __init__(self, home: Path, *, seconds: float = 60.0) -> None:
        self._seconds, self._count, self._left = seconds, 0, b""
        self.complaints: list[str] = []
        ours, theirs = os.pipe(), os.pipe()         # we read from the first and write to the second
        self._read, self._write = ours[0], theirs[1]
        # Chromium wants its ends at 3 and 4, where anything may lie here: bash puts them there, from above 9 as well.
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs[0]} 4>&{ours[1]}', "bash",
             shutil.which("chromium") or "chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "--hide-scrollbars",
             f"--user-data-dir={home}", "--remote-debugging-pipe", "about:blank"],
            pass_fds=(theirs[0], ours[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs[0])
        os.close(ours[1])
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self(f"{domain}.enable")
        self.resize(1280, 900)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and wait for its answer."""
        answer = self._ask(method, **parameters)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        command = {"id": self._count, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            command["sessionId"] = self._session
        os.write(self._write, json.dumps(command).encode() + b"\0")
        while (answer := self._message()).get("id") != self._count:
            if answer.get("method") == "Log.entryAdded":
                self.complaints.append(answer["params"]["entry"]["text"])
            elif answer.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(answer["params"]["exceptionDetails"]["text"])
        return answer

    def _message(self) -> dict[str, Any]:
        end = time.monotonic() + self._seconds
        while b"\0" not in self._left:
            assert select.select([self._read], [], [], max(0.0, end - time.monotonic()))[0], "Chromium does not answer"
            piece = os.read(self._read, 2**20)
            assert piece, "Chromium has ended"
            self._left += piece
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Give the page another size, in pixels."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self("Emulation.setEmulatedMedia",
             features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def js(self, expression: str) -> Any:
        """Evaluate an expression in the page."""
        answer = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, url: str) -> None:
        """Go to an address, and wait for the page."""
        self.js("window.leaving = true")
        self("Page.navigate", url=url)
        self.wait("!window.leaving && document.readyState === 'complete'")

    def wait(self, expression: str) -> None:
        """Wait until something is true of the page, also while it changes to another one."""
        end = time.monotonic() + self._seconds
        while time.monotonic() < end:
            answer = self._ask("Runtime.evaluate", expression=f"Boolean({expression})", returnByValue=True)
            if answer.get("result", {}).get("result", {}).get("value"):
                return
            time.sleep(0.02)
        raise AssertionError(f"never came true: {expression}; the page says: {self.text()[:500]}")

    def text(self, selector: str = "body") -> str:
        """Give the text that a person sees there."""
        return self.js(f"document.querySelector({json.dumps(selector)}).innerText")

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element."""
        self.js(f"document.querySelector({json.dumps(selector)})"
                ".scrollIntoView({block: 'center', behavior: 'instant'})")
        x, y = self.js(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()")
        self.point(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def point(self, x: float, y: float) -> None:
        """Move the mouse."""
        self("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def keys(self, *names: str) -> None:
        """Press keys, one after the other: "j", "?", "Enter"."""
        for name in names:
            text, code = KEYS.get(name, (name, ord(name[0].upper())))
            common = {"key": name, "windowsVirtualKeyCode": code}
            self("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
            self("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Type a text into the field that has the focus."""
        self("Input.insertText", text=text)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write a picture of the page as PNG."""
        answer = self("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

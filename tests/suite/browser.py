# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A headless Chromium, spoken to over its debugging pipe: no driver and no port is needed."""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

PATIENCE = 60


class Browser:
    """Use it in a with. @width and @height in CSS pixels."""

    def __init__(self, width=1280, height=900):
        self._home = tempfile.TemporaryDirectory(prefix="browser.", ignore_cleanup_errors=True)
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()

        # It reads from 3 and writes to 4, and is no program for the emulated device.
        self._process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "sh", program(), "--headless=new",
             "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
             f"--user-data-dir={self._home.name}", f"--window-size={width},{height}"],
            pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
            env={key: value for key, value in os.environ.items() if key != "LD_PRELOAD"})
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._number, self._session = b"", 0, None
        self.problems = []  # what the console, the page or its network complained of
        try:
            self._attach(width, height)
        except BaseException:
            self.close()
            raise

    def _attach(self, width, height):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(domain + ".enable")
        self.resize(width, height)

    def resize(self, width, height=900):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def _message(self, deadline):
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser says nothing")
            data = os.read(self._from, 1 << 20)
            if not data:
                raise EOFError("the browser is gone")
            self._buffer += data
        text, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(text)

    def _event(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(params["exceptionDetails"].get("text", "exception"))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.problems.append(str([one.get("value") for one in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith(
                ("file:", "data:", "about:")):
            self.problems.append("request of " + params["request"]["url"])
        return method

    def ask(self, method, **params):
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data):]
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._message(deadline)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._event(answer)

    def open(self, path):
        """Show the file at @path, and return when it is loaded."""
        self.ask("Page.navigate", url="file://" + os.path.abspath(path))
        deadline = time.monotonic() + PATIENCE
        while self._event(self._message(deadline)) != "Page.loadEventFired":
            pass

    def run(self, script):
        """The value of @script, an expression; promises are waited for."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True,
                          returnByValue=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("text") + ": " + script)
        return answer["result"].get("value")

    def key(self, key, text=None):
        more = {"text": text} if text else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **more,
                 windowsVirtualKeyCode={"Enter": 13, "Tab": 9}.get(key, 0))
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def screenshot(self, path, y=0, height=None):
        """What is seen, or @height pixels of the page from @y on, as PNG."""
        clip = {}
        if height:
            width = self.run("innerWidth")
            clip = {"clip": {"x": 0, "y": y, "width": width, "height": height, "scale": 1},
                    "captureBeyondViewport": True}
        data = self.ask("Page.captureScreenshot", format="png", **clip)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        os.killpg(self._process.pid, signal.SIGKILL)  # its helpers, too, which write to its home
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        for _ in range(50):
            shutil.rmtree(self._home.name, ignore_errors=True)
            if not os.path.exists(self._home.name):
                break
            time.sleep(0.1)
        self._home.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def program():
    """The browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")

"""An object for a worker that needs no model."""

import os
import threading
import time


class Handlers:
    def __init__(self):
        self._ticks = []

    def echo(self, text):
        return text

    def named(self, method):
        return method

    def exit(self, status):
        os._exit(status)

    def fail(self):
        raise ValueError("no such model")

    def noise(self):
        print("a line that is no reply")  # noqa: T201
        os.system("echo another")
        return 1

    def wait(self, seconds):
        time.sleep(seconds)

    def ticks(self):
        """How often a thread has ticked that runs on after the call, as idle pools do."""
        if not self._ticks:
            threading.Thread(target=self._tick, daemon=True).start()
            self._ticks.append(0)
        return len(self._ticks)

    def _tick(self):
        while True:
            self._ticks.append(0)
            time.sleep(0.01)

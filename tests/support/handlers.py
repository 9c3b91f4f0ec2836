"""A worker's handlers that need no model."""

import os
import threading
import time

ticks = []


def handlers():
    return {
        "echo": lambda text: text,
        "exit": os._exit,
        "fail": fail,
        "noise": noise,
        "ticks": count_ticks,
        "wait": wait,
    }


def fail():
    raise ValueError("no such model")


def noise():
    print("a line that is no reply")  # noqa: T201
    os.system("echo another")
    return 1


def wait(seconds):
    time.sleep(seconds)


def count_ticks():
    """How often a thread has ticked that runs on after the call, as idle pools do."""
    if not ticks:
        threading.Thread(target=_tick, daemon=True).start()
        ticks.append(0)
    return len(ticks)


def _tick():
    while True:
        ticks.append(0)
        time.sleep(0.01)

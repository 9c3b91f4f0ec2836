"""What the tests of this folder share: a real server in a process of its own, and a plain client of it."""

from benchmarks.serving.process import JSON, TEXT, Reply, Served, exchange, raw, rest, serve, wait_for

__all__ = ["JSON", "KEY", "OTHER_KEY", "TEXT", "Reply", "Served", "exchange", "raw", "rest", "serve", "wait_for"]

KEY, OTHER_KEY = "correct-horse", "battery-staple"

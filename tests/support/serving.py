"""A real server in its own process, and a plain client for it."""

from benchmarks.serving.process import JSON, TEXT, Reply, Served, exchange, raw, rest, serve, wait_for

__all__ = ["JSON", "KEY", "OTHER_KEY", "TEXT", "Reply", "Served", "exchange", "raw", "rest", "serve", "wait_for"]

KEY, OTHER_KEY = "correct-horse", "battery-staple"

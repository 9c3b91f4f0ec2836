"""Exact and optional: each module replaces one plain step, or one kind of memory, by a faster one.

Deleting them changes no result.
"""

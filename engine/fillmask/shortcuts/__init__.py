"""Exact and optional: each module replaces one plain step by a faster one. Deleting them changes no result."""

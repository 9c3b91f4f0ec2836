"""Benchmarks: one question a file, each a command that prints its answer and writes the raw numbers to results/."""

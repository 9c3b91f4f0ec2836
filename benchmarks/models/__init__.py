"""The models that contenders run.

A checkpoint, optimum's export and fillmask's artifact of each are made once, under ``build/benchmarks/``, by
``python -m benchmarks.models NAME``, and kept.
"""

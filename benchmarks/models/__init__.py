"""The models that contenders run.

``python -m benchmarks.models NAME`` makes the checkpoint, optimum's export and fillmask's artifact of a model once, in
``build/benchmarks/``.
"""

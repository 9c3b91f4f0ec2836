"""The models that contenders run.

``making`` makes the checkpoint, optimum's export and fillmask's artifact of a model once, in ``build/benchmarks/``.
"""

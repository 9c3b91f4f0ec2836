"""Which int8 scheme is best? Every scheme on one lean graph, on three models: ``python -m benchmarks.schemes``.

``subjects`` are the models, ``graphs`` makes a graph of each scheme, ``answers`` compares them with PyTorch, ``times``
runs them by turns, ``tables`` writes the tables of docs/int8.md.
"""

"""Which int8 scheme is best? Every scheme on one lean graph, on three models; the result is in docs/int8.md.

``models`` opens the models and ``graphs`` writes a graph of each scheme. ``fidelity`` compares the graphs with PyTorch,
``times`` times them, and ``tables`` writes the tables of the page. ``full_range`` is the control of tests/emulation.
"""

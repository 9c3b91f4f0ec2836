"""Decided questions, kept runnable; none of them is part of ``make bench``.

``schemes`` chose the int8 scheme (docs/int8.md). ``options`` found no ONNX Runtime option that makes a run faster.
"""

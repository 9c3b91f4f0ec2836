"""``fillmask bench``: which variant and how many threads are fastest for this model on this machine.

checks → texts → memory → rounds → ratios → advice: ``candidates.py``, ``texts.py``, ``machine.py``, ``rounds.py``,
``ratios.py``, ``advice.py``. ``run.py`` puts them together, ``tables.py`` prints the result. ``interleaving.py`` and
``ratios.py`` also serve the project's own benchmarks.
"""

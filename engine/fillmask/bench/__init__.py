"""``fillmask bench``: which variant and how many threads are quickest for this model on this machine.

checks → texts → memory → rounds → comparisons → advice: ``candidates.py``, ``texts.py``, ``machine.py``, ``rounds.py``,
``comparing.py``, ``advice.py``; ``run.py`` puts them together and ``tables.py`` shows what came out.
"""

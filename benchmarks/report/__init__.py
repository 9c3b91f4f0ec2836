"""Pages from records: RESULTS.md, the plots, and the README's table. ``python -m benchmarks.report`` makes them all.

``results.py`` reads the records and says which may be printed; ``sections.py`` has a table for each, ``goals.py`` what
was aimed at, ``readme.py`` the few rows of the README, ``plots.py`` the drawings, ``pages.py`` where all of it goes.
"""

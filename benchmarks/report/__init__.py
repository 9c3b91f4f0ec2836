"""Pages made of records: RESULTS.md, the plots, and the README's table. ``python -m benchmarks.report`` makes them all.

``results.py`` reads the records and decides which may be printed. ``sections.py`` makes the tables of a record,
``goals.py`` the goals, ``readme.py`` the rows of the README, ``plots.py`` the plots, ``pages.py`` the pages.
"""

"""Pages made of records: RESULTS.md, the plots, and tables of other pages. ``python -m benchmarks.report`` makes all.

``results.py`` reads the records and decides which may be printed. ``cells.py`` writes one number, ``sections.py`` the
tables of a record, ``goals.py`` the goals, ``leads.py`` the leads at each length, ``plots.py`` the plots. ``pages.py``
makes the pages.
"""

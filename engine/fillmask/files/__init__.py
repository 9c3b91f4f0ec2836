"""Files of any size through a verb, with bounded memory, in atomic parts.

In the order of a row: ``inputs.py`` finds the files, ``streams.py`` opens them, ``readers.py`` and ``parquet.py`` read
rows, ``running.py`` runs them, ``records.py`` shapes the results, ``writers.py`` and ``parquet.py`` encode them.
``parts.py`` makes the parts of a job, which ``job.py`` describes; ``batch.py`` composes the steps.
"""

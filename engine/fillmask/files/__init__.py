"""Files of any size through a verb, with bounded memory, in atomic parts.

In the order of a row: ``paths.py`` and ``inputs.py`` find the files, ``streams.py`` opens them, ``readers.py`` and
``parquet.py`` read ``rows.py``, whose values of Parquet ``scalars.py`` reads, ``runner.py`` runs them through one of
``verbs.py`` with ``row_parameters.py``, ``records.py`` shapes the results, ``writers.py``, ``csv_lines.py``,
``parquet.py`` and ``arrow_arrays.py`` encode them. ``part_maker.py`` makes the parts of a job or streams its rows, and
``limits.py`` says which parts and up to how many errors. ``outputs.py`` says where, ``parts.py`` is the folder of the
parts, by ``whole_file.py``, and ``job.py`` describes the job. ``opening.py`` makes a job from its options, and
``batch.py`` composes the steps. ``ray_parts.py`` makes the parts on a cluster, by ``ray_cluster.py``.
"""

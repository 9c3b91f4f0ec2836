"""What a masked LM knows of English: running text, relations, last words and minimal pairs.

``texts`` and ``archives`` hold the texts, ``rows`` masks them, ``engine`` and ``checkpoint`` open a model, and
``running_text``, ``words`` and ``minimal_pairs`` are the tasks. data/README.md defines every task and measure.
"""

"""What a masked LM knows of English: running text, relations, last words and minimal pairs.

``texts`` reads the texts, ``running_text`` and ``words`` are the tasks, ``estimates`` gives their intervals, and
``tables`` writes the model card. data/README.md defines every task and measure.
"""

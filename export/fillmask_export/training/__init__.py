"""Masked-LM training, continued on a user's texts: an encoder or a masked LM in, a masked LM out.

``texts`` reads files, and ``tokens`` keeps them as numbers on disk. ``sequences``, ``batch`` and ``data`` cut, order
and mask them. ``model`` runs the head where tokens were selected, and ``learner`` takes the steps. ``progress`` knows
how much of the budget is spent, ``work`` keeps what is needed to go on, and ``training`` runs it all.
"""

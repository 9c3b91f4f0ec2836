"""Masked-LM training on a user's texts: an encoder or a masked LM in, a masked LM out.

``texts`` reads files, and ``tokens`` stores them as ids on disk. ``sequences``, ``batch`` and ``data`` cut, order and
mask them. ``model`` runs the head at the selected tokens, and ``learner`` takes the steps. ``progress`` measures the
budget, ``work`` stores what a continued training needs, and ``training`` runs all steps.
"""

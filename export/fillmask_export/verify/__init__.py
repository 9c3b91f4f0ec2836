"""Verification: every variant runs beside its checkpoint before it is written.

``eval_data`` reads the texts. ``forward`` runs checkpoint and graph, ``fidelity`` compares their logits, and
``invariance`` compares runs of one text with runs of several. ``likelihoods`` compares the log probabilities of whole
texts, those of ``sentences``, with fp32's. ``acceptance`` accepts or refuses a variant.
``tokenizer_check`` compares tokenizers, ``profiling`` measures time and memory.
"""

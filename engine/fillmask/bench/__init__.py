"""``fillmask bench``: which variant and how many threads are fastest for this model on this machine.

The modules in the order in which a run passes them:

    cli           the command
    run           the whole run, from a model to advice
    machine       the facts of a run, and the peak memory of a variant in a fresh process
    candidates    the variants that give their stored predictions here
    texts         texts of a given number of tokens
    setups        the variants, threads, workers and batches that are timed
    rounds        times each setup at each length
    interleaving  each block once a round, in random order
    summaries     times by round, and percentiles
    ratios        ratios of paired rounds with their intervals
    advice        chooses a setup
    tables        the result as text or JSON

``interleaving`` and ``ratios`` also serve the project's own benchmarks and the exporter's timings.
"""

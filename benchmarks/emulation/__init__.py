"""Does int8 answer on other CPUs as it does here? qemu plays them: ``python -m benchmarks.emulation``.

``machines`` are the CPUs, ``sysroot`` is what an aarch64 Python needs, ``asking`` runs inside, ``control`` is a model
that must answer differently on one of them, so that the check can fail.
"""

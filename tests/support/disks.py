"""File systems that fail."""

import os
import stat


def refuse_folder_flush(monkeypatch, number):
    """Let the flush of a folder fail with an error's number; files are flushed as before."""
    flush = os.fsync

    def flush_files(file):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(number, os.strerror(number))
        flush(file)

    monkeypatch.setattr(os, "fsync", flush_files)

"""Files of weights that are links, as in the hub's cache, in the reach of ONNX Runtime, which does not follow links.

It maps a plain file into memory, which takes less memory: 49 MB instead of 75 for the embedded model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import onnxruntime as ort

from fillmask.artifact.weights_file import WeightsFile
from fillmask.errors import ArtifactError

_FOLDER = "session.model_external_initializers_file_folder_path"


@contextmanager
def within_reach(
    graph: bytes | Path, files: Mapping[str, WeightsFile], options: ort.SessionOptions
) -> Iterator[bytes | Path]:
    """Give what a session is to be made of, and add the weights that are links to its options.

    Args:
        graph: The model as bytes, or its path.
        files: The files of its weights by name.
        options: Those of the session.

    Raises:
        ArtifactError: The weights cannot be copied, which an old ONNX Runtime needs.
    """
    links = {name: file.path for name, file in files.items() if file.path.is_symlink()}
    if links and not hasattr(ort.SessionOptions, "add_external_initializers_from_files_in_memory"):
        from tempfile import TemporaryDirectory  # this and shutil take milliseconds to import

        with TemporaryDirectory(prefix="fillmask-", ignore_cleanup_errors=True) as folder:
            _copy({name: file.path for name, file in files.items()}, Path(folder))
            options.add_session_config_entry(_FOLDER, folder)
            # What is mapped stays mapped after the folder is removed.
            yield graph if isinstance(graph, bytes) else graph.read_bytes()
        return
    if isinstance(graph, bytes):
        # Otherwise a graph given as bytes reads external weights from the working directory, unhashed.
        folder = next((str(file.path.parent) for file in files.values()), os.devnull)
        options.add_session_config_entry(_FOLDER, folder)
    if links:
        # ONNX Runtime reads this memory until the session is made, and keeps no reference to it.
        contents = [path.read_bytes() for path in links.values()]
        options.add_external_initializers_from_files_in_memory(list(links), contents, list(map(len, contents)))
    yield graph


def _copy(paths: Mapping[str, Path], folder: Path) -> None:
    import shutil
    from tempfile import gettempdir

    try:
        for name, path in paths.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
    except OSError as error:
        raise ArtifactError(
            f"weights that are links are copied into {gettempdir()} for ONNX Runtime {ort.__version__}, which does not "
            f"follow links, and cannot be: {error.strerror}; TMPDIR names another folder"
        ) from error

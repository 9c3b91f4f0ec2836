"""A model folder or a hub id to a ``Model``: completely, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread

from fillmask.artifact.folder import open_artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.decoding import Decoder
from fillmask.encoding import Encoder
from fillmask.errors import ArtifactError
from fillmask.model import Model
from fillmask.runtime.contract import check_head
from fillmask.runtime.fallback import options, start
from fillmask.runtime.providers import Provider, check_providers, wants_gpu


def load_model(
    model: str | Path | None = None,
    *,
    variant: str = "auto",
    revision: str | None = None,
    providers: Sequence[Provider] | None = None,
    threads: int | None = None,
    placeholders: bool = True,
) -> Model:
    """Load a model; the arguments are those of ``FillMask``.

    Raises:
        ArtifactError: The model is missing, broken, or not a masked LM.
        ProviderError: An execution provider is missing or does not start.
    """
    wanted = None if providers is None else check_providers(providers)
    artifact = open_artifact(model, variant=variant, revision=revision, gpu=wants_gpu(wanted))
    untried = options(artifact, variant, wanted)
    graph = artifact.graph(untried[0].variant)
    # hashlib and ONNX Runtime release the GIL, the tokenizer's parser does not.
    weights_checked = _in_thread(partial(artifact.check_weights, graph))
    tokenizer = open_tokenizer(artifact)
    encoder = Encoder(tokenizer, placeholders=placeholders)
    try:
        used, session, notices = start(artifact, untried, graph, threads)
    finally:
        weights_checked()  # raises an error of its own before that of a session of damaged weights
    mask_id = tokenizer.mask_token_id
    if mask_id >= session.vocab_size:
        raise ArtifactError(f"{tokenizer.mask_token} is token {mask_id}, the model has {session.vocab_size}")
    if not artifact.manifest:
        tokens = tokenizer.tokenizer.get_vocab_size(with_added_tokens=False)
        check_head(session.output, session.vocab_size, artifact.read_json("config.json"), tokens)
    if encoder.token_types is not None and not session.takes_token_types:
        raise ArtifactError(f"{artifact.folder}: the tokenizer gives texts token types, and the graph takes none")
    return Model(artifact, used, tokenizer, session, encoder, Decoder(tokenizer), tuple(notices))


def _in_thread(check: Callable[[], None]) -> Callable[[], None]:
    """Start a check in a thread; the function returned waits for its end, and repeats one that failed, for its error.

    ``concurrent.futures`` takes 5 ms to import, a fortieth of the time to the first prediction.
    """
    passed = Event()

    def run() -> None:
        with suppress(BaseException):
            check()
            passed.set()

    def result() -> None:
        if thread.ident is not None:
            thread.join()
        if not passed.is_set():
            check()

    thread = Thread(target=run, daemon=True)
    with suppress(RuntimeError):  # a limit of processes, as containers have: the check then runs in this thread
        thread.start()
    return result

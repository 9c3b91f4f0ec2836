"""JSON types of ``/info``, ``/models`` and ``/health``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelInfo(BaseModel):
    """A model of the server."""

    model_config = ConfigDict(protected_namespaces=())  # pydantic before 2.10 warns of every name that begins so

    model_id: str = Field(description="Name of the model in paths.")
    model_sha: str | None = Field(description="Commit of a model of the hub.")
    model_dtype: str | None = Field(description="Variant, such as `int8`.")
    model_type: str | None = Field(description="Class of the checkpoint, where the manifest names it.")
    mask_token: str = Field(description="What stands for a mask in a text.")
    mask_token_id: int
    vocab_size: int = Field(description="Tokens that the model scores.")
    max_input_length: int = Field(description="Tokens of the longest text.")
    providers: list[str] = Field(description="Execution providers of ONNX Runtime in use.")
    batch_invariant: bool = Field(description="Whether scores do not depend on the texts that run together.")
    task: Literal["fill-mask"]


class ServerInfo(ModelInfo):
    """The default model and the limits of a request."""

    served_models: list[str] = Field(description="Names of all models.")
    max_concurrent_requests: int
    max_queue_tokens: int
    max_client_batch_size: int = Field(description="Texts of a request.")
    max_stream_texts: int = Field(description="Texts of a request whose response is streamed.")
    max_characters: int = Field(description="Characters of a text.")
    max_masks: int = Field(description="Masks of a text.")
    max_request_masks: int = Field(description="Masks of a request whose response is not streamed.")
    max_top_k: int = Field(description="Predictions for a mask, or filled texts.")
    max_targets: int = Field(description="Targets, or tokens of an alphabet.")
    max_candidates: int = Field(description="Candidates, or words of labels.")
    max_reads: int = Field(description="Rows of a request, or of a text of a stream.")
    requires_key: bool
    threads: int = Field(description="Texts, or batches of them, that run at the same time.")
    version: str


class Health(BaseModel):
    """The server works."""

    status: Literal["ok"]

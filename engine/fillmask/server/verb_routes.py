"""The routes of the verbs besides fill-mask: a row for each verb."""

from __future__ import annotations

from functools import partial

from fillmask.server.classify import CLASSIFY_TEXTS
from fillmask.server.classify_schema import ClassifyBody, LabelLine, Labels, ZeroShotBody, ZeroShotLabels
from fillmask.server.handler import Handler
from fillmask.server.infill import INFILL_TEXTS
from fillmask.server.infill_schema import InfillBody, InfillLine, Infills
from fillmask.server.marginals import MARGINALS_OF_TEXTS
from fillmask.server.marginals_schema import MarginalsBody, MarginalsLine, MarginalsOfTexts
from fillmask.server.rank import RANK_TEXTS
from fillmask.server.rank_schema import RankBody, Rankings, RankLine
from fillmask.server.route import Route, Schemas
from fillmask.server.score import SCORE_TEXTS
from fillmask.server.score_schema import ScoreBody, ScoreLine, Scores
from fillmask.server.zero_shot import handle_zero_shot

# A service, the JSON types of its route, two sentences for the description, and the body of a request.
_VERBS = (
    (
        RANK_TEXTS,
        Schemas(body=RankBody, result=Rankings, line=RankLine),
        "Rank candidates at the slots of a text, or of several",
        "Candidates have any number of tokens. The response has a list for each slot, best first.",
        {"inputs": "Paris is the [MASK] of France.", "parameters": {"candidates": ["capital", "largest city"]}},
    ),
    (
        INFILL_TEXTS,
        Schemas(body=InfillBody, result=Infills, line=InfillLine),
        "Fill the slots of a text together, or of several",
        "Words of one or several tokens that fit each other, in the text of the request.",
        {"inputs": "The [MASK] is the capital of [MASK].", "parameters": {"top_k": 3}},
    ),
    (
        SCORE_TEXTS,
        Schemas(body=ScoreBody, result=Scores, line=ScoreLine),
        "Score a text, or several, by its pseudo-log-likelihood",
        "The log probability of each token and word, with its place in the text.",
        {"inputs": "The keys to the cabinet are on the table."},
    ),
    (
        MARGINALS_OF_TEXTS,
        Schemas(body=MarginalsBody, result=MarginalsOfTexts, line=MarginalsLine),
        "Give the log probabilities of an alphabet at every position of a text, or of several",
        "A matrix for each text. Its log odds score the variants of a protein.",
        {"inputs": "The keys are here.", "parameters": {"alphabet": ["are", "is"]}},
    ),
    (
        CLASSIFY_TEXTS,
        Schemas(body=ClassifyBody, result=Labels, line=LabelLine),
        "Label a text, or several, by words in a template",
        "The labels of a text, best first. Their scores are not calibrated.",
        {"inputs": "The striker scored twice.", "parameters": {"labels": ["sports", "politics"]}},
    ),
)
ZERO_SHOT_PATHS = (
    "/zero-shot-classification",
    "/pipeline/zero-shot-classification/{model:path}",
    "/hf-inference/models/{model:path}/pipeline/zero-shot-classification",
    "/models/{model:path}/zero-shot-classification",
)


def verb_routes(handler: Handler) -> list[Route]:
    """Make the routes; they come before fill-mask's, whose last path matches theirs too."""
    verbs = [
        Route(
            method="POST",
            paths=(f"/{service.verb.name}", f"/models/{{model:path}}/{service.verb.name}"),
            endpoint=partial(handler.handle, service),
            name=service.verb.name,
            summary=summary,
            description=description,
            schemas=schemas,
            example=example,
        )
        for service, schemas, summary, description, example in _VERBS
    ]
    zero_shot = Route(
        method="POST",
        paths=ZERO_SHOT_PATHS,
        endpoint=partial(handle_zero_shot, handler),
        name="zero_shot_classification",
        summary="Hugging Face's zero-shot classification",
        description="Clients of huggingface_hub up to 1.1.4 get an object of labels and scores instead of a list.",
        schemas=Schemas(body=ZeroShotBody, result=ZeroShotLabels, line=LabelLine),
        example={"inputs": "The striker scored twice.", "parameters": {"candidate_labels": ["sports", "politics"]}},
    )
    return [*verbs, zero_shot]

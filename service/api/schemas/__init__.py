"""Shapes of answers and queries, as OpenAPI shows them."""

from service.api.schemas.answers import (
    Freshness,
    MissingShape,
    PartialResultShape,
    RecommendationsShape,
    ResultShape,
    SearchShape,
    SimilarBatchShape,
    SimilarShape,
    WhatIfShape,
)
from service.api.schemas.editing import (
    AuditEntryShape,
    AuditShape,
    RuleShape,
    RulesShape,
)
from service.api.schemas.explanation import (
    CypherShape,
    EvidenceShape,
    ExplanationShape,
    IntermediateShape,
)
from service.api.schemas.intake import (
    EventResultShape,
    EventsShape,
    ItemResultShape,
    ItemShape,
    ItemsShape,
)
from service.api.schemas.operation import (
    HealthShape,
    ReleaseShape,
    ReleasesShape,
    RolledBackShape,
    ServingShape,
    StatusShape,
    UnfoldedShape,
)
from service.api.schemas.people import (
    ExportedEventShape,
    ExportShape,
    KnownShape,
    PriceRangeShape,
    ProfileShape,
    ReceiptShape,
    RecentShape,
    RemainderShape,
    ShareShape,
)
from service.api.schemas.shape import (
    ProblemShape,
    Shape,
)

__all__ = [
    "AuditEntryShape",
    "AuditShape",
    "CypherShape",
    "EventResultShape",
    "EventsShape",
    "EvidenceShape",
    "ExplanationShape",
    "ExportShape",
    "ExportedEventShape",
    "Freshness",
    "HealthShape",
    "IntermediateShape",
    "ItemResultShape",
    "ItemShape",
    "ItemsShape",
    "KnownShape",
    "MissingShape",
    "PartialResultShape",
    "PriceRangeShape",
    "ProblemShape",
    "ProfileShape",
    "ReceiptShape",
    "RecentShape",
    "RecommendationsShape",
    "ReleaseShape",
    "ReleasesShape",
    "RemainderShape",
    "ResultShape",
    "RolledBackShape",
    "RuleShape",
    "RulesShape",
    "SearchShape",
    "ServingShape",
    "Shape",
    "ShareShape",
    "SimilarBatchShape",
    "SimilarShape",
    "StatusShape",
    "UnfoldedShape",
    "WhatIfShape",
]

"""Editors' rules, and what people decided."""

from typing import Any, Literal

from pydantic import Field

from service.api.schemas.shape import Shape


class RuleShape(Shape):
    """An editors' rule."""

    rule_id: int
    kind: Literal["pin", "ban", "always_with"]
    item_id: str
    scope: Literal["item", "category", "everywhere"]
    target: str
    place: int
    author: str
    reason: str
    created_at: str
    expires_at: str | None
    ended_at: str | None
    ended_by: str | None


class RulesShape(Shape):
    """Editors' rules, the oldest first."""

    rules: list[RuleShape]


class AuditEntryShape(Shape):
    """One decision of a person."""

    at: str = Field(description="ISO 8601, UTC.")
    actor: str = Field(description="As they named themselves.")
    key_name: str = Field(description="Name of the API key that was used.")
    action: Literal["rule-added", "rule-ended", "rollback", "approval"]
    detail: dict[str, Any]


class AuditShape(Shape):
    """What people decided, newest first."""

    entries: list[AuditEntryShape]

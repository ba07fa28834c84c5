"""One edge that someone wrote into Neo4j, read as an event or refused with a reason."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graph.errors import InvalidEvent
from graph.event_type import RELATION_OF, RELATIONS, EventType, Relation
from graph.ids import id_problem
from graph.instant import parse_time
from graph.interaction import Interaction

EVENT_TYPE_OF: dict[Relation, EventType] = {
    relation: next(kind for kind, made in RELATION_OF.items() if made is relation) for relation in RELATIONS
}
"""What an edge of each relation is as an event; of several types the first (`VIEWED`: `view_item`)."""


@dataclass(frozen=True)
class MalformedEdge:
    """An edge that cannot be an event; it stays as it is."""

    element_id: str
    """Neo4j's id of the edge: `MATCH ()-[e]->() WHERE elementId(e) = ... RETURN e`."""
    relation: Relation
    reason: str

    @property
    def relation_number(self) -> int:
        """Position in `RELATIONS`."""
        return RELATIONS.index(self.relation)


def read_edge(record: Mapping[str, Any], now: int) -> dict[str, Any] | MalformedEdge:
    """The edge as a row of `EVENT_SCHEMA`; `event_id` is None where the edge has none.

    record: a row of `foreign_recent` or `foreign_scan`. now: microseconds UTC, for edges without `at`.
    """
    relation = RELATIONS[record["relation"]]
    try:
        return _row(record, EVENT_TYPE_OF[relation], now)
    except InvalidEvent as error:
        return MalformedEdge(record["id"], relation, str(error))


def _row(record: Mapping[str, Any], kind: EventType, now: int) -> dict[str, Any]:
    edge = record["edge"]
    user_id, anonymous = _user(record)
    if not record["toItem"] or record["itemId"] is None:
        raise InvalidEvent("item_id: the edge ends at no Item with an itemId")
    event_id = _id(edge.get("eventId"), "eventId") if edge.get("eventId") is not None else None
    quantity = _number(edge, "quantity")
    if quantity is not None and quantity <= 0:
        raise InvalidEvent(f"quantity: {quantity} is not positive (a refund is an event, not an edge)")
    row: dict[str, Any] = {
        "event_id": event_id or "none yet",
        "user_id": user_id,
        "anonymous": anonymous,
        "item_id": _id(record["itemId"], "itemId"),
        "event_type": kind,
        "at": _time(edge.get("at"), now),
        "rating": _number(edge, "rating"),
        "review_text": _text(edge, "reviewText"),
        "quantity": quantity,
        "value": _number(edge, "value"),
        "helpful": _count(edge, "helpful"),
    }
    Interaction(**row)  # raises where a rule is broken
    return {**row, "event_id": event_id, "event_type": kind.value}


def _user(record: Mapping[str, Any]) -> tuple[str, bool]:
    if not record["fromUser"] or (record["userId"] is None) == (record["sessionId"] is None):
        raise InvalidEvent("user_id: the edge starts at no User with a userId or a sessionId")
    if record["userId"] is not None:
        return _id(record["userId"], "userId"), False
    return _id(record["sessionId"], "sessionId"), True


def _id(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidEvent(f"{name}: {value!r} is no string")
    problem = id_problem(value)
    if problem is not None:
        raise InvalidEvent(f"{name}: {problem}")
    return value


def _time(value: Any, now: int) -> int:
    if value is None:
        return now
    if hasattr(value, "to_native"):  # the driver's own temporal types
        value = value.to_native()
    return parse_time(value, now=now)


def _number(edge: Mapping[str, Any], name: str) -> float | None:
    value = edge.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidEvent(f"{name}: {value!r} is no number")
    return float(value)


def _count(edge: Mapping[str, Any], name: str) -> int | None:
    number = _number(edge, name)
    if number is None:
        return None
    if number < 0 or not number.is_integer():
        raise InvalidEvent(f"{name}: {number!r} is no count")
    return int(number)


def _text(edge: Mapping[str, Any], name: str) -> str | None:
    value = edge.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidEvent(f"{name}: {value!r} is no string")
    return value

"""Closed sets: what a shopper did, and the relationship that it becomes in the graph."""

from enum import StrEnum


class EventType(StrEnum):
    """GA4's recommended e-commerce event names, plus `review`."""

    VIEW_ITEM = "view_item"
    SELECT_ITEM = "select_item"
    ADD_TO_CART = "add_to_cart"
    BEGIN_CHECKOUT = "begin_checkout"
    ADD_TO_WISHLIST = "add_to_wishlist"
    PURCHASE = "purchase"
    REVIEW = "review"
    REFUND = "refund"


class Relation(StrEnum):
    """Type of a user-item relationship, spelled as in Neo4j. A refund becomes none."""

    VIEWED = "VIEWED"
    ADDED_TO_CART = "ADDED_TO_CART"
    WISHLISTED = "WISHLISTED"
    PURCHASED = "PURCHASED"
    REVIEWED = "REVIEWED"


RELATION_OF: dict[EventType, Relation] = {
    EventType.VIEW_ITEM: Relation.VIEWED,
    EventType.SELECT_ITEM: Relation.VIEWED,
    EventType.ADD_TO_CART: Relation.ADDED_TO_CART,
    EventType.BEGIN_CHECKOUT: Relation.ADDED_TO_CART,
    EventType.ADD_TO_WISHLIST: Relation.WISHLISTED,
    EventType.PURCHASE: Relation.PURCHASED,
    EventType.REVIEW: Relation.REVIEWED,
}

RELATIONS: tuple[Relation, ...] = tuple(Relation)
"""Order in which relations are numbered in arrays (`EdgeBlock.relation`)."""

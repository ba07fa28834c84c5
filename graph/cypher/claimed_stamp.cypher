// Edges that someone else made and that carry an event id by now get their number, like any edge of ours.
UNWIND range(0, size($eventId) - 1) AS n
CALL (n) {
  MATCH ()-[e:VIEWED {eventId: $eventId[n]}]->() RETURN e
  UNION ALL MATCH ()-[e:ADDED_TO_CART {eventId: $eventId[n]}]->() RETURN e
  UNION ALL MATCH ()-[e:WISHLISTED {eventId: $eventId[n]}]->() RETURN e
  UNION ALL MATCH ()-[e:PURCHASED {eventId: $eventId[n]}]->() RETURN e
  UNION ALL MATCH ()-[e:REVIEWED {eventId: $eventId[n]}]->() RETURN e
}
SET e.seq = $seq[n], e.at = $at[n], e.weight = $weight[n], e.reviewText = $reviewText[n]

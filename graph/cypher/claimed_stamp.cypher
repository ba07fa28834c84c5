// Edges that someone else made and that carry an event id by now get their number, like any edge of ours.
UNWIND range(0, size($rows.eventId) - 1) AS n
CALL (n) {
  MATCH ()-[e:VIEWED {eventId: $rows.eventId[n]}]->() RETURN e
  UNION ALL MATCH ()-[e:ADDED_TO_CART {eventId: $rows.eventId[n]}]->() RETURN e
  UNION ALL MATCH ()-[e:WISHLISTED {eventId: $rows.eventId[n]}]->() RETURN e
  UNION ALL MATCH ()-[e:PURCHASED {eventId: $rows.eventId[n]}]->() RETURN e
  UNION ALL MATCH ()-[e:REVIEWED {eventId: $rows.eventId[n]}]->() RETURN e
}
SET e.seq = $rows.seq[n], e.at = $rows.at[n], e.weight = $rows.weight[n], e.reviewText = $rows.reviewText[n],
    e.helpful = $rows.helpful[n]

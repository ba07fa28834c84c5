// Which of the event ids the graph holds. `stamped`: false where the edge was adopted and awaits its number.
// $rows.has: relation by relation (refunds last), whether there is any edge to look among.
MATCH ()-[e:VIEWED]->() WHERE e.eventId IN CASE WHEN $rows.has[0] THEN $rows.ids ELSE [] END
RETURN e.eventId AS eventId, e.seq IS NOT NULL AS stamped
UNION ALL
MATCH ()-[e:ADDED_TO_CART]->() WHERE e.eventId IN CASE WHEN $rows.has[1] THEN $rows.ids ELSE [] END
RETURN e.eventId AS eventId, e.seq IS NOT NULL AS stamped
UNION ALL
MATCH ()-[e:WISHLISTED]->() WHERE e.eventId IN CASE WHEN $rows.has[2] THEN $rows.ids ELSE [] END
RETURN e.eventId AS eventId, e.seq IS NOT NULL AS stamped
UNION ALL
MATCH ()-[e:PURCHASED]->() WHERE e.eventId IN CASE WHEN $rows.has[3] THEN $rows.ids ELSE [] END
RETURN e.eventId AS eventId, e.seq IS NOT NULL AS stamped
UNION ALL
MATCH ()-[e:REVIEWED]->() WHERE e.eventId IN CASE WHEN $rows.has[4] THEN $rows.ids ELSE [] END
RETURN e.eventId AS eventId, e.seq IS NOT NULL AS stamped
UNION ALL
MATCH (r:Refund) WHERE r.eventId IN CASE WHEN $rows.has[5] THEN $rows.ids ELSE [] END
RETURN r.eventId AS eventId, true AS stamped

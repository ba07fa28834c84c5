// The id under which the log will know the edge: from now on the log's event and the edge are one.
UNWIND range(0, size($rows.id) - 1) AS n
MATCH ()-[e]->() WHERE elementId(e) = $rows.id[n]
SET e.eventId = $rows.eventId[n], e.at = $rows.at[n], e.seq = null

// The id under which the log will know the edge: from now on the log's event and the edge are one.
UNWIND range(0, size($id) - 1) AS n
MATCH ()-[e]->() WHERE elementId(e) = $id[n]
SET e.eventId = $eventId[n], e.at = $at[n], e.seq = null

// Only edges of the valid batch: $batch is the pointer that replace_similar switches. Each neighbour once: a
// reader without a snapshot may meet an edge twice while edges are written.
MATCH (:Item {index: $index})-[r:SIMILAR_TO]->(n:Item)
WHERE r.batch = $batch
WITH n.index AS other, min(r.rank) AS rank
RETURN other, 'SIMILAR_TO' AS relation
ORDER BY rank, other
LIMIT $limit

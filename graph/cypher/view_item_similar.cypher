// Only edges of the valid batch: $batch is the pointer that replace_similar switches.
MATCH (:Item {index: $index})-[r:SIMILAR_TO]->(n:Item)
WHERE r.batch = $batch
RETURN n.index AS other, 'SIMILAR_TO' AS relation
ORDER BY r.rank, other
LIMIT $limit

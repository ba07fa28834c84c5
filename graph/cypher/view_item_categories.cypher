MATCH (:Item {index: $index})-[:IN_CATEGORY]->(c:Category)
WHERE c.index IS NOT NULL
RETURN DISTINCT c.index AS other, 'IN_CATEGORY' AS relation
ORDER BY other
LIMIT $limit

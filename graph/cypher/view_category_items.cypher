MATCH (:Category {index: $index})<-[:IN_CATEGORY]-(i:Item)
WHERE i.index IS NOT NULL
RETURN DISTINCT i.index AS other, 'IN_CATEGORY' AS relation
ORDER BY other DESC
LIMIT $limit

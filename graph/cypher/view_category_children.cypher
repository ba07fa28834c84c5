MATCH (:Category {index: $index})<-[:CHILD_OF]-(c:Category)
WHERE c.index IS NOT NULL
RETURN c.index AS other, 'CHILD_OF' AS relation
ORDER BY other
LIMIT $limit

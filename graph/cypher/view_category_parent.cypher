MATCH (:Category {index: $index})-[:CHILD_OF]->(p:Category)
WHERE p.index IS NOT NULL
RETURN p.index AS other, 'CHILD_OF' AS relation
LIMIT $limit

MATCH (u:User {index: $index})-[e:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(i:Item)
WHERE e.seq IS NOT NULL
RETURN i.index AS other, type(e) AS relation
ORDER BY e.at DESC, e.seq DESC
LIMIT $limit

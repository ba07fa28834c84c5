MATCH (i:Item {index: $index})<-[e:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(u:User)
WHERE e.seq IS NOT NULL
RETURN u.index AS other, type(e) AS relation
ORDER BY e.at DESC, e.seq DESC
LIMIT $limit

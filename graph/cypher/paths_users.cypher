// Of a user's several events with an item the newest counts; the pair with the newest event comes first.
MATCH (a:Item {itemId: $a})<-[x:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(u:User)
WHERE x.seq IS NOT NULL
WITH u, x ORDER BY x.at DESC, x.seq DESC
WITH u, head(collect(x)) AS x
MATCH (u)-[y:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(b:Item {itemId: $b})
WHERE y.seq IS NOT NULL
WITH u, x, y ORDER BY y.at DESC, y.seq DESC
WITH u, x, head(collect(y)) AS y
RETURN coalesce(u.userId, u.sessionId) AS via, type(x) AS relationA, type(y) AS relationB
ORDER BY CASE WHEN x.at > y.at THEN x.at ELSE y.at END DESC, u.index
LIMIT $limit

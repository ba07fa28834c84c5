// Each item once, by its newest event.
MATCH (:User {userId: $key})-[e:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(i:Item)
WHERE e.seq IS NOT NULL
WITH i, e ORDER BY e.at DESC, e.seq DESC
WITH i, head(collect(e)) AS newest
RETURN i.itemId AS item, newest.at AS at
ORDER BY at DESC, newest.seq DESC
LIMIT $limit

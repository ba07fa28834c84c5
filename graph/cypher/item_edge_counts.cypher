MATCH (i:Item {itemId: $key})
WHERE i.index IS NOT NULL
OPTIONAL MATCH (i)<-[e:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(:User)
WITH i, e WHERE e IS NULL OR e.seq IS NOT NULL
RETURN i.index AS index, type(e) AS relation, count(e) AS edges, count(e.reviewText) AS reviews

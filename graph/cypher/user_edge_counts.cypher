MATCH (u:User {userId: $key})
WHERE u.index IS NOT NULL
OPTIONAL MATCH (u)-[e:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(:Item)
WITH u, e WHERE e IS NULL OR e.seq IS NOT NULL
RETURN u.index AS index, type(e) AS relation, count(e) AS edges, count(e.reviewText) AS reviews

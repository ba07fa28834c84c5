// Users who have events with both items, and of them those who did the same with both, by type.
MATCH (:Item {itemId: $a})<-[x:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(u:User)
WHERE x.seq IS NOT NULL AND x.weight > 0
WITH u, collect(DISTINCT type(x)) AS before
MATCH (u)-[y:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(:Item {itemId: $b})
WHERE y.seq IS NOT NULL AND y.weight > 0
WITH u, before, collect(DISTINCT type(y)) AS after
WITH [kind IN before WHERE kind IN after] AS both
RETURN count(*) AS users,
       sum(CASE WHEN 'VIEWED' IN both THEN 1 ELSE 0 END) AS VIEWED,
       sum(CASE WHEN 'ADDED_TO_CART' IN both THEN 1 ELSE 0 END) AS ADDED_TO_CART,
       sum(CASE WHEN 'WISHLISTED' IN both THEN 1 ELSE 0 END) AS WISHLISTED,
       sum(CASE WHEN 'PURCHASED' IN both THEN 1 ELSE 0 END) AS PURCHASED,
       sum(CASE WHEN 'REVIEWED' IN both THEN 1 ELSE 0 END) AS REVIEWED

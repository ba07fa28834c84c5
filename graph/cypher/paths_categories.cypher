// Two clauses, because within one a relationship is never used twice: an item is then akin to itself.
MATCH (:Item {itemId: $a})-[:IN_CATEGORY]->(c:Category)
WHERE c.index IS NOT NULL
WITH DISTINCT c
MATCH (c)<-[:IN_CATEGORY]-(:Item {itemId: $b})
WITH DISTINCT c
RETURN c.path AS via
ORDER BY c.index
LIMIT $limit

// Purchases of the pairs that are not wholly refunded, the newest first.
UNWIND range(0, size($rows.user) - 1) AS n
MATCH (u:User {index: $rows.user[n]})-[e:PURCHASED]->(i:Item {index: $rows.item[n]})
WHERE e.seq IS NOT NULL AND coalesce(e.refunded, 0.0) < coalesce(e.quantity, 1.0)
WITH n, e ORDER BY e.at DESC, e.seq DESC
RETURN n AS pair,
       collect([e.seq, e.at, e.quantity, coalesce(e.refunded, 0.0)]) AS purchases

// Who bought both items, and how far apart: a table, buyers of both first, then those who did anything else.
// :params {a: 'ITEM ID', b: 'ANOTHER ITEM ID'}
// Reads up to 20,000 events of the first item.
MATCH (a:Item {itemId: $a}), (b:Item {itemId: $b})
CALL (a) {
  MATCH (a)<-[x:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(user:User)
  RETURN x, user LIMIT 20000
}
MATCH (user)-[y:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(b)
WITH user, x, y, reduce(n = 0, e IN [x, y] | n + CASE WHEN type(e) IN ['PURCHASED', 'REVIEWED'] THEN 1 ELSE 0 END) AS bought
RETURN coalesce(user.userId, user.sessionId) AS user, user.userId IS NULL AS anonymous,
       type(x) AS didWithA, type(y) AS didWithB,
       datetime({epochMillis: x.at / 1000}) AS a, datetime({epochMillis: y.at / 1000}) AS b,
       round(abs(x.at - y.at) / 86400000000.0, 1) AS daysApart
ORDER BY bought DESC, daysApart
LIMIT 100

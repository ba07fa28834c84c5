// Who bought both items, and how far apart: a table.
// :params {a: 'ITEM ID', b: 'ANOTHER ITEM ID'}
MATCH (:Item {itemId: $a})<-[x:PURCHASED|REVIEWED]-(user:User)-[y:PURCHASED|REVIEWED]->(:Item {itemId: $b})
RETURN coalesce(user.userId, user.sessionId) AS user, user.userId IS NULL AS anonymous,
       datetime({epochMillis: x.at / 1000}) AS a, datetime({epochMillis: y.at / 1000}) AS b,
       round(abs(x.at - y.at) / 86400000000.0, 1) AS daysApart
ORDER BY daysApart
LIMIT 100

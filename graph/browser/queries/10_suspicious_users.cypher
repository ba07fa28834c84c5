// Users with very many events on few items: robots, testers, resellers.
// :param least => 50      (events a user must have to be looked at)
// Reads up to 50,000 users, and 2,000 events of each of the 200 busiest.
MATCH (user:User)
WITH user LIMIT 50000
WITH user, COUNT { (user)-[:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->() } AS events
WHERE events >= $least
WITH user, events ORDER BY events DESC LIMIT 200
CALL (user) {
  MATCH (user)-[e:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(item:Item)
  WITH e, item LIMIT 2000
  RETURN count(e) AS looked, count(DISTINCT item) AS items, min(e.at) AS first, max(e.at) AS last
}
RETURN coalesce(user.userId, user.sessionId) AS user, events, items,
       round(1.0 * looked / items, 1) AS eventsPerItem,
       round(looked / (1 + (last - first) / 86400000000.0), 1) AS eventsPerDay
ORDER BY eventsPerItem DESC
LIMIT 50

// Why two items are similar: the users they share and the categories they share, as a picture.
// :params {a: 'ITEM ID', b: 'ANOTHER ITEM ID'}
// At most 40 users, those with the newest events first. Reads up to 20,000 events of the first item.
MATCH (a:Item {itemId: $a}), (b:Item {itemId: $b})
CALL (a, b) {
  MATCH (a)<-[x:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(user:User)
  WITH a, b, x, user LIMIT 20000
  MATCH (user)-[y:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(b)
  WITH a, b, x, user, y, CASE WHEN x.at > y.at THEN x.at ELSE y.at END AS newest
  ORDER BY newest DESC LIMIT 40
  MATCH path = (a)<-[x]-(user)-[y]->(b)
  RETURN path
  UNION ALL
  MATCH path = (a)-[:IN_CATEGORY]->(:Category)<-[:IN_CATEGORY]-(b)
  RETURN path LIMIT 10
}
RETURN a, b, path
LIMIT 50

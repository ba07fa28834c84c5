// Why two items are similar: the users they share and the categories they share, as a picture.
// :params {a: 'ITEM ID', b: 'ANOTHER ITEM ID'}
// At most 40 users, those with the newest events first.
MATCH (a:Item {itemId: $a}), (b:Item {itemId: $b})
CALL (a, b) {
  MATCH path = (a)<-[x:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(:User)
               -[y:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(b)
  RETURN path, CASE WHEN x.at > y.at THEN x.at ELSE y.at END AS newest
  ORDER BY newest DESC LIMIT 40
  UNION ALL
  MATCH path = (a)-[:IN_CATEGORY]->(:Category)<-[:IN_CATEGORY]-(b)
  RETURN path, 0 AS newest LIMIT 10
}
RETURN a, b, path
LIMIT 50

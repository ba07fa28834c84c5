// A user, their newest items, and who else touched those items.
// :param user => 'USER ID'
// At most 15 items, and 5 other users of each; the newest among 20,000 events of each.
MATCH (user:User {userId: $user})
CALL (user) {
  MATCH (user)-[mine:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(item:Item)
  WITH item, mine LIMIT 20000
  RETURN item, mine ORDER BY mine.at DESC LIMIT 15
}
CALL (user, item) {
  MATCH (item)<-[theirs:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(other:User)
  WHERE other <> user
  WITH other, theirs LIMIT 20000
  RETURN other, theirs ORDER BY theirs.at DESC LIMIT 5
}
RETURN user, mine, item, theirs, other
LIMIT 100

// Which items share the most shoppers with an item, whether or not they are served as its neighbours.
// :param item => 'ITEM ID'
// Reads 500 shoppers of the item, those newest among 20,000 events, and 100 items of each.
MATCH (item:Item {itemId: $item})
MATCH (store:IlkStore)
CALL (item) {
  MATCH (item)<-[e:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(user:User)
  WITH e, user LIMIT 20000
  WITH user, max(e.at) AS at ORDER BY at DESC LIMIT 500
  CALL (user) {
    MATCH (user)-[y:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(other:Item)
    WITH y, other LIMIT 2000
    RETURN other, count(CASE WHEN type(y) IN ['PURCHASED', 'REVIEWED'] THEN 1 END) > 0 AS bought LIMIT 100
  }
  RETURN other, count(DISTINCT user) AS shared, count(DISTINCT CASE WHEN bought THEN user END) AS buyers
}
WITH item, store, other, shared, buyers WHERE other <> item
WITH item, store, other, shared, buyers ORDER BY shared DESC, buyers DESC, other.itemId LIMIT 30
OPTIONAL MATCH (item)-[s:SIMILAR_TO]->(other) WHERE s.batch = store.similarBatch
RETURN DISTINCT other.itemId AS itemId, other.title AS title, shared AS sharedShoppers, buyers AS boughtThis,
       s.rank AS servedAtRank
ORDER BY sharedShoppers DESC, boughtThis DESC, itemId
LIMIT 30

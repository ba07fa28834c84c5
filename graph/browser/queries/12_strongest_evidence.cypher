// Which items share the most buyers with an item, whether or not they are served as its neighbours.
// :param item => 'ITEM ID'
// Reads the newest 500 buyers of the item, 100 items of each.
MATCH (item:Item {itemId: $item})
MATCH (store:IlkStore)
CALL (item) {
  MATCH (item)<-[e:ADDED_TO_CART|PURCHASED|REVIEWED]-(user:User)
  WITH user, max(e.at) AS at ORDER BY at DESC LIMIT 500
  CALL (user) {
    MATCH (user)-[:ADDED_TO_CART|PURCHASED|REVIEWED]->(other:Item)
    RETURN DISTINCT other LIMIT 100
  }
  RETURN other, count(DISTINCT user) AS shared
}
WITH item, store, other, shared WHERE other <> item
OPTIONAL MATCH (item)-[s:SIMILAR_TO]->(other) WHERE s.batch = store.similarBatch
RETURN other.itemId AS itemId, other.title AS title, shared AS sharedBuyers, s.rank AS servedAtRank
ORDER BY sharedBuyers DESC, itemId
LIMIT 30

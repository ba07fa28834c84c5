// One item with what hangs on it: its categories, its served neighbours, its newest events.
// Start here: set the item with   :param item => 'ITEM ID'
// At most 15 neighbours and 25 events, those newest among 20,000.
MATCH (item:Item {itemId: $item})
MATCH (store:IlkStore)
OPTIONAL MATCH category = (item)-[:IN_CATEGORY]->(:Category)-[:CHILD_OF*0..3]->(:Category)
WITH item, store, collect(category)[..8] AS categories
CALL (item, store) {
  MATCH near = (item)-[s:SIMILAR_TO]->(:Item) WHERE s.batch = store.similarBatch
  WITH DISTINCT near, s ORDER BY s.rank LIMIT 15
  RETURN collect(near) AS neighbours
}
CALL (item) {
  MATCH event = (item)<-[e:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-(:User)
  WITH event, e LIMIT 20000
  WITH event, e ORDER BY e.at DESC LIMIT 25
  RETURN collect(event) AS events
}
RETURN item, categories, neighbours, events
LIMIT 1

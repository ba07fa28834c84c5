// Hubs: items that many others have among their neighbours. A few are natural; one that is everybody's
// neighbour is a fault of the data (a gift card, a bag) or of the model.
// No parameters. Reads up to 50,000 items, and the neighbours of the 50 likeliest.
MATCH (item:Item)
WITH item LIMIT 50000
WITH item, COUNT { (item)<-[:SIMILAR_TO]-() } AS ofAnyRelease
WHERE ofAnyRelease > 0
WITH item ORDER BY ofAnyRelease DESC LIMIT 50
MATCH (store:IlkStore)
MATCH (item)<-[s:SIMILAR_TO]-(:Item)
WHERE s.batch = store.similarBatch
WITH item, count(DISTINCT s) AS listedBy, avg(s.rank) AS meanRank
RETURN item.itemId AS itemId, item.title AS title, listedBy, round(meanRank, 1) AS meanRank,
       COUNT { (item)<-[:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-() } AS events
ORDER BY listedBy DESC
LIMIT 25

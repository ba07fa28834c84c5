// Bridges: neighbours that lie in another category than the item, for one category.
// :param category => 'PATH'
// Reads up to 500 items of the category.
MATCH (store:IlkStore)
MATCH (home:Category {path: $category})<-[:IN_CATEGORY]-(item:Item)
WITH store, home, item LIMIT 500
MATCH (item)-[s:SIMILAR_TO]->(near:Item)
WHERE s.batch = store.similarBatch
MATCH (near)-[:IN_CATEGORY]->(away:Category)
WITH home, item, s, near, collect(away) AS categories
WHERE NOT home IN categories
UNWIND categories AS away
WITH away, count(DISTINCT s) AS bridges, collect({item: item.title, near: near.title, rank: s.rank})[..3] AS examples
RETURN away.path AS otherCategory, bridges, examples
ORDER BY bridges DESC
LIMIT 25

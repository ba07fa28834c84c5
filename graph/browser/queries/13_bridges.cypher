// Bridges: neighbours that lie in another category than the item, for one category.
// :param category => 'PATH'
// Reads up to 500 items of the category.
MATCH (store:IlkStore)
MATCH (home:Category {path: $category})<-[:IN_CATEGORY]-(item:Item)
WITH store, home, item LIMIT 500
MATCH (item)-[s:SIMILAR_TO]->(near:Item)-[:IN_CATEGORY]->(away:Category)
WHERE s.batch = store.similarBatch AND away <> home AND NOT (near)-[:IN_CATEGORY]->(home)
WITH away, count(DISTINCT s) AS bridges, collect({item: item.title, near: near.title, rank: s.rank})[..3] AS examples
RETURN away.path AS otherCategory, bridges, examples
ORDER BY bridges DESC
LIMIT 25

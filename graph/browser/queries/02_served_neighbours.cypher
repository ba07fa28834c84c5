// What the API answers for an item, as a table: neighbours by rank, with the score and its parts.
// :param item => 'ITEM ID'
// Follows the store's pointer, so it never mixes two releases; DISTINCT, as Neo4j may read an edge twice while
// others are written.
MATCH (store:IlkStore)
MATCH (:Item {itemId: $item})-[s:SIMILAR_TO]->(near:Item)
WHERE s.batch = store.similarBatch
RETURN DISTINCT s.rank AS rank, near.itemId AS itemId, near.title AS title, near.brand AS brand,
       round(s.score, 4) AS score, s.why AS why,
       s.modelVersion AS release
ORDER BY rank
LIMIT 50

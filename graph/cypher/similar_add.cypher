UNWIND $items AS one
MATCH (a:Item {itemId: one[0]}) WHERE a.index IS NOT NULL
UNWIND one[1] AS near
MATCH (b:Item {itemId: near[0]}) WHERE b.index IS NOT NULL
CREATE (a)-[:SIMILAR_TO {
  rank: near[1], score: near[2], why: near[3], modelVersion: $version, batch: $batch
}]->(b)
RETURN count(*) AS added

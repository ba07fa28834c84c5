UNWIND range(0, size($item) - 1) AS n
MATCH (a:Item {itemId: $item[n]}) WHERE a.index IS NOT NULL
MATCH (b:Item {itemId: $neighbour[n]}) WHERE b.index IS NOT NULL
CREATE (a)-[:SIMILAR_TO {
  rank: $rank[n], score: $score[n], why: $why[n], modelVersion: $version, batch: $batch
}]->(b)
RETURN count(*) AS added

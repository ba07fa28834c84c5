// One edge per position of the columns; a null leaves its property out. Ends are named by Neo4j's own ids: a seek
// in an index takes the server a fifth of the whole statement longer.
UNWIND range(0, size($rows.seq) - 1) AS n
MATCH (u) WHERE elementId(u) = $rows.user[n]
MATCH (i) WHERE elementId(i) = $rows.item[n]
CREATE (u)-[:$($rows.type) {
  seq: $rows.seq[n], eventId: $rows.eventId[n], at: $rows.at[n], weight: $rows.weight[n],
  rating: $rows.rating[n], quantity: $rows.quantity[n], reviewText: $rows.reviewText[n],
  helpful: $rows.helpful[n]
}]->(i)

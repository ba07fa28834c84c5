// One edge per position of the columns; a null leaves its property out.
UNWIND range(0, size($rows.seq) - 1) AS n
MATCH (u:User {index: $rows.user[n]})
MATCH (i:Item {index: $rows.item[n]})
CREATE (u)-[:$($rows.type) {
  seq: $rows.seq[n], eventId: $rows.eventId[n], at: $rows.at[n], weight: $rows.weight[n],
  rating: $rows.rating[n], quantity: $rows.quantity[n], reviewText: $rows.reviewText[n],
  helpful: $rows.helpful[n]
}]->(i)

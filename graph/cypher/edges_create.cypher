// One edge per position of the columns; a null leaves its property out.
UNWIND range(0, size($seq) - 1) AS n
MATCH (u:User {index: $user[n]})
MATCH (i:Item {index: $item[n]})
CREATE (u)-[:$($type) {
  seq: $seq[n], eventId: $eventId[n], at: $at[n], weight: $weight[n],
  rating: $rating[n], quantity: $quantity[n], reviewText: $reviewText[n]
}]->(i)

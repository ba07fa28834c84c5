MATCH (r:Refund {item: $index})
DELETE r
RETURN count(*) AS refunds

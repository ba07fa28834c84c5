MATCH (r:Refund {user: $index})
DELETE r
RETURN count(*) AS refunds

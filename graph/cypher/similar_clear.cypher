// Edges of every batch but the kept ones, in transactions of their own.
MATCH ()-[r:SIMILAR_TO]->()
WHERE NOT coalesce(r.batch, -1) IN $keep
CALL (r) { DELETE r } IN TRANSACTIONS OF 10000 ROWS

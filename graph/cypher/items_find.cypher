UNWIND range(0, size($keys) - 1) AS n
MATCH (i:Item {itemId: $keys[n]})
WHERE i.index IS NOT NULL
RETURN collect(n) AS row, collect(i.index) AS found

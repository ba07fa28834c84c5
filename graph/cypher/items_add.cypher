UNWIND range(0, size($keys) - 1) AS n
MERGE (i:Item {itemId: $keys[n]})
SET i.index = $index[n]

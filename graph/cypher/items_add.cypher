UNWIND range(0, size($rows.keys) - 1) AS n
MERGE (i:Item {itemId: $rows.keys[n]})
SET i.index = $rows.index[n]
RETURN collect(n) AS row, collect(elementId(i)) AS id

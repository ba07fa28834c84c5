UNWIND range(0, size($rows.keys) - 1) AS n
MATCH (i:Item {itemId: $rows.keys[n]})
WHERE i.index IS NOT NULL
RETURN collect(n) AS row, collect(i.index) AS found, collect(elementId(i)) AS id

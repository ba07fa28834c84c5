// The hint: from the first rows of a database the planner may take a scan of all nodes by `index` for each row.
UNWIND range(0, size($rows.keys) - 1) AS n
MATCH (i:Item {itemId: $rows.keys[n]})
USING INDEX SEEK i:Item(itemId)
WHERE i.index IS NOT NULL
RETURN collect(n) AS row, collect(i.index) AS found, collect(elementId(i)) AS id

UNWIND $rows.keys AS key
MATCH (i:Item {itemId: key})
WHERE i.index IS NOT NULL
RETURN i.index AS index, properties(i) AS item
ORDER BY index

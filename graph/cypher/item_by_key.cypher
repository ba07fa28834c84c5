MATCH (i:Item {itemId: $key})
WHERE i.index IS NOT NULL
RETURN i.index AS index

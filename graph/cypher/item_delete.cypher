MATCH (i:Item {itemId: $key})
DETACH DELETE i
MERGE (d:DeletedItem {itemId: $key})

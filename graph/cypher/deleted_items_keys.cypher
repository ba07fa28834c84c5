MATCH (d:DeletedItem)
RETURN d.itemId AS key

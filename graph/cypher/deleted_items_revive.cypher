MATCH (d:DeletedItem) WHERE d.itemId IN $keys
DELETE d

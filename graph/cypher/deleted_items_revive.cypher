MATCH (d:DeletedItem) WHERE d.itemId IN $rows.keys
DELETE d

MATCH (d:DeletedItem) WHERE d.itemId IN $rows.keys
RETURN collect(d.itemId) AS keys

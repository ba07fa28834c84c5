MATCH (d:DeletedItem) WHERE d.itemId IN $keys
RETURN collect(d.itemId) AS keys

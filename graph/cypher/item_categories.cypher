MATCH (i:Item)-[:IN_CATEGORY]->(c:Category)
WHERE i.index IS NOT NULL AND c.index IS NOT NULL
RETURN collect(i.index) AS items, collect(c.index) AS categories

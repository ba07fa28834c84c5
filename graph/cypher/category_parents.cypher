MATCH (c:Category)-[:CHILD_OF]->(p:Category)
WHERE c.index IS NOT NULL AND p.index IS NOT NULL
RETURN collect(c.index) AS child, collect(p.index) AS parent

MATCH (n:Item) WHERE n.index IS NOT NULL
RETURN n.index % 16 AS part, collect(n.index) AS index, collect(n.itemId) AS key, [] AS anonymous

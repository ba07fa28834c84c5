MATCH (n:Category) WHERE n.index IS NOT NULL
RETURN n.index % 16 AS part, collect(n.index) AS index, collect(n.path) AS key, [] AS anonymous

// Parents come before their children; a root's parent is null.
UNWIND range(0, size($keys) - 1) AS n
MERGE (c:Category {path: $keys[n]})
SET c.index = $index[n], c.name = $name[n]
WITH c, n WHERE $parent[n] IS NOT NULL
MATCH (p:Category {path: $parent[n]})
MERGE (c)-[:CHILD_OF]->(p)

// Parents come before their children; a root's parent is null.
UNWIND range(0, size($rows.keys) - 1) AS n
MERGE (c:Category {path: $rows.keys[n]})
SET c.index = $rows.index[n], c.name = $rows.name[n]
WITH c, n WHERE $rows.parent[n] IS NOT NULL
MATCH (p:Category {path: $rows.parent[n]})
MERGE (c)-[:CHILD_OF]->(p)

UNWIND range(0, size($rows.keys) - 1) AS n
MATCH (c:Category {path: $rows.keys[n]})
WHERE c.index IS NOT NULL
RETURN collect(n) AS row, collect(c.index) AS found, collect(elementId(c)) AS id

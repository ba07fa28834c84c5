UNWIND range(0, size($keys) - 1) AS n
MATCH (c:Category {path: $keys[n]})
WHERE c.index IS NOT NULL
RETURN collect(n) AS row, collect(c.index) AS found

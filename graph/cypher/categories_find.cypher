// The hint: from the first rows of a database the planner may take a scan of all nodes by `index` for each row.
UNWIND range(0, size($rows.keys) - 1) AS n
MATCH (c:Category {path: $rows.keys[n]})
USING INDEX SEEK c:Category(path)
WHERE c.index IS NOT NULL
RETURN collect(n) AS row, collect(c.index) AS found, collect(elementId(c)) AS id

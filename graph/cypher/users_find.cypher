UNWIND range(0, size($rows.keys) - 1) AS n
MATCH (u:User {userId: $rows.keys[n]})
WHERE u.index IS NOT NULL
RETURN collect(n) AS row, collect(u.index) AS found, collect(elementId(u)) AS id

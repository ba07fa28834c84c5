UNWIND range(0, size($rows.keys) - 1) AS n
MERGE (u:User {userId: $rows.keys[n]})
SET u.index = $rows.index[n]
RETURN collect(n) AS row, collect(elementId(u)) AS id

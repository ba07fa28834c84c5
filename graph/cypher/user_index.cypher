MATCH (u:User {userId: $key})
WHERE u.index IS NOT NULL
RETURN u.index AS index

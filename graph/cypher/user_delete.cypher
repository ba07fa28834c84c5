MATCH (u:User {userId: $key})
DETACH DELETE u

MATCH (s:IlkStore {name: 'store'})
RETURN properties(s) AS store

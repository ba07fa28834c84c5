MATCH (s:IlkStore {name: 'store'})
SET s += $changes

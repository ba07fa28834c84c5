// Writing first takes the node's lock: writers queue up behind each other. `lastWrite` names the write that
// came before this one, so that a write whose commit was not confirmed recognises itself.
MATCH (s:IlkStore {name: 'store'})
SET s.locked = true
WITH s, properties(s) AS store
SET s.lastWrite = $write
REMOVE s.locked
RETURN store

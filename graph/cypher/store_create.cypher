// The one node that says how far the graph is. `edges`, `holes`: see docs/neo4j.md. `home`: whose graph it is.
MERGE (s:IlkStore {name: 'store'})
ON CREATE SET s.schemaVersion = $schemaVersion, s.appliedSeq = 0, s.lastWrite = '',
              s.users = 0, s.items = 0, s.categories = 0, s.userHoles = 0, s.itemHoles = 0,
              s.refunds = 0, s.edges = [0, 0, 0, 0, 0], s.similarBatch = 0, s.similarVersion = '', s.home = $home
RETURN s.schemaVersion AS schemaVersion, s.home AS home

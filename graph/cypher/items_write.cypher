// A field that is empty takes its property away. Categories are linked anew.
UNWIND $rows AS row
MATCH (i:Item {itemId: row.itemId})
SET i += row.fields
WITH i, row
OPTIONAL MATCH (i)-[old:IN_CATEGORY]->(:Category)
WITH i, row, collect(old) AS gone
FOREACH (old IN gone | DELETE old)
WITH i, row
UNWIND row.paths AS path
MATCH (c:Category {path: path})
CREATE (i)-[:IN_CATEGORY]->(c)

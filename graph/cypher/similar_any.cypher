MATCH ()-[r:SIMILAR_TO]->()
RETURN count(r) AS edges

// All edges of each relation, others' too, from the count store: the price does not grow with the graph.
CALL () { MATCH ()-[e:VIEWED]->() RETURN count(e) AS viewed }
CALL () { MATCH ()-[e:ADDED_TO_CART]->() RETURN count(e) AS added }
CALL () { MATCH ()-[e:WISHLISTED]->() RETURN count(e) AS wishlisted }
CALL () { MATCH ()-[e:PURCHASED]->() RETURN count(e) AS purchased }
CALL () { MATCH ()-[e:REVIEWED]->() RETURN count(e) AS reviewed }
RETURN [viewed, added, wishlisted, purchased, reviewed] AS counts

// A release that people can look up beside its SIMILAR_TO edges.
MERGE (r:Release {version: $version})
SET r += $properties

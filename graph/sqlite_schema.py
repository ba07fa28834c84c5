"""Tables of the graph in SQLite."""

from graph.sqlite_file import SqliteSchema

GRAPH_SCHEMA = SqliteSchema(
    application_id=0x496C6B47,
    version=2,
    # Nodes keep their row for good: a number is never given out twice. The id of an erased node is NULL.
    # Two indices on edges cover every question about surroundings, so that the table itself stays unread;
    # refunds look up open purchases (relation 3). event_ids is a table of its own because filling it in key
    # order is much faster.
    tables="""
    CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('applied_seq', 0);

    CREATE TABLE users (
        idx INTEGER PRIMARY KEY, user_id TEXT, anonymous INTEGER NOT NULL,
        UNIQUE (user_id, anonymous)) STRICT;
    CREATE TABLE items (
        idx INTEGER PRIMARY KEY, item_id TEXT UNIQUE,
        title TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '', brand TEXT NOT NULL DEFAULT '',
        categories TEXT NOT NULL DEFAULT '[]', price REAL, currency TEXT NOT NULL DEFAULT '',
        availability TEXT NOT NULL DEFAULT '', image_url TEXT NOT NULL DEFAULT '',
        attributes TEXT NOT NULL DEFAULT '{}') STRICT;
    CREATE TABLE deleted_items (item_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE categories (
        idx INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, parent INTEGER NOT NULL) STRICT;
    CREATE INDEX categories_by_parent ON categories (parent);
    CREATE TABLE item_category (
        item INTEGER NOT NULL, category INTEGER NOT NULL,
        PRIMARY KEY (item, category)) STRICT, WITHOUT ROWID;
    CREATE INDEX item_category_by_category ON item_category (category, item);
    CREATE TABLE item_similar (
        item INTEGER NOT NULL, rank INTEGER NOT NULL, neighbour INTEGER NOT NULL, score REAL NOT NULL,
        PRIMARY KEY (item, rank, neighbour)) STRICT, WITHOUT ROWID;
    CREATE INDEX item_similar_by_neighbour ON item_similar (neighbour);

    CREATE TABLE edges (
        seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, user INTEGER NOT NULL, item INTEGER NOT NULL,
        relation INTEGER NOT NULL, at INTEGER NOT NULL, weight REAL NOT NULL, rating REAL,
        quantity REAL, refunded REAL NOT NULL DEFAULT 0) STRICT;
    CREATE INDEX edges_by_user ON edges (user, at, item, relation);
    CREATE INDEX edges_by_item ON edges (item, at, user, relation);
    CREATE INDEX open_purchases ON edges (user, item, at)
        WHERE relation = 3 AND refunded < ifnull(quantity, 1);
    CREATE TABLE reviews (
        seq INTEGER PRIMARY KEY, review_text TEXT NOT NULL, helpful INTEGER) STRICT;
    CREATE TABLE refunds (
        seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, user INTEGER NOT NULL, item INTEGER NOT NULL) STRICT;
    CREATE TABLE event_ids (event_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    """,
    upgrades={1: "ALTER TABLE reviews ADD COLUMN helpful INTEGER"},
)

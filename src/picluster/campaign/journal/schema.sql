CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE campaign (
  number INTEGER PRIMARY KEY,
  started_wall REAL NOT NULL,
  started REAL NOT NULL,
  scope TEXT NOT NULL,
  settings TEXT NOT NULL,
  boot TEXT NOT NULL,      -- the machine's run the times count in
  now REAL NOT NULL,       -- both clocks at the last save
  wall REAL NOT NULL,
  position TEXT NOT NULL DEFAULT '',
  ended_wall REAL,
  report TEXT
);
CREATE TABLE bank (
  campaign INTEGER NOT NULL, bank INTEGER NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (campaign, bank)
) WITHOUT ROWID;
CREATE TABLE board (
  campaign INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (campaign, name)
) WITHOUT ROWID;
CREATE TABLE alone (
  campaign INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (campaign, name)
) WITHOUT ROWID;
CREATE TABLE power_order (
  campaign INTEGER NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL,
  verb TEXT NOT NULL, banks TEXT NOT NULL, board TEXT NOT NULL, open INTEGER NOT NULL,
  PRIMARY KEY (campaign, number)
) WITHOUT ROWID;
CREATE TABLE outcome (
  number INTEGER PRIMARY KEY,
  campaign INTEGER NOT NULL, name TEXT NOT NULL, wall REAL NOT NULL,
  ready INTEGER NOT NULL, cause TEXT NOT NULL, others_failed REAL NOT NULL, excused INTEGER NOT NULL
);
CREATE TABLE bank_boot (
  number INTEGER PRIMARY KEY,
  campaign INTEGER NOT NULL, bank INTEGER NOT NULL, attempt INTEGER NOT NULL,
  yielded REAL NOT NULL, minutes REAL NOT NULL, counts INTEGER NOT NULL
);
CREATE TABLE alarm (
  number INTEGER PRIMARY KEY,
  campaign INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL,
  line TEXT NOT NULL
);
CREATE TABLE notice (
  number INTEGER PRIMARY KEY,
  campaign INTEGER NOT NULL, at REAL NOT NULL, bank INTEGER NOT NULL, text TEXT NOT NULL
);

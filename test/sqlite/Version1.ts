/** A file as version 1 of the tables wrote it: an unfinished run, whose step has failed once, and a paused pipeline. */
import { DatabaseSync } from "node:sqlite"

/** The run in the file. */
export const RUN = "01k8k90obsjsgi1v0br4nuhg6rt9ol"

const TABLES = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
  CREATE TABLE plans (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, text TEXT NOT NULL) STRICT;
  CREATE TABLE runs (
    serial INTEGER PRIMARY KEY, id TEXT NOT NULL, pipeline TEXT NOT NULL, submitted REAL NOT NULL, text TEXT NOT NULL,
    plan_id INTEGER, plan TEXT, status TEXT NOT NULL, started REAL, ended REAL, error TEXT
  ) STRICT;
  CREATE UNIQUE INDEX runs_id ON runs (id);
  CREATE INDEX runs_pipeline ON runs (pipeline, serial);
  CREATE INDEX runs_ended ON runs (ended) WHERE ended IS NOT NULL;
  CREATE INDEX runs_unfinished ON runs (serial) WHERE ended IS NULL;
  CREATE TABLE events (
    number INTEGER PRIMARY KEY, run INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, text TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_run ON events (run, first);
  CREATE TABLE long_values (
    run INTEGER, sequence INTEGER, name TEXT, json TEXT NOT NULL, PRIMARY KEY (run, sequence, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE units (
    run INTEGER, step INTEGER, unit INTEGER, text TEXT NOT NULL, PRIMARY KEY (run, step, unit)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lists (run INTEGER, step INTEGER, text TEXT NOT NULL, PRIMARY KEY (run, step)) STRICT, WITHOUT ROWID;
  CREATE TABLE lines (run INTEGER, number INTEGER, text TEXT NOT NULL, PRIMARY KEY (run, number)) STRICT, WITHOUT ROWID;
  CREATE TABLE line_counts (run INTEGER PRIMARY KEY, last INTEGER NOT NULL, dropped INTEGER NOT NULL) STRICT;
  CREATE TABLE kept (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (name, key)
  ) STRICT;
  
`

const ROWS = `
INSERT INTO meta VALUES ('epoch', 1000), ('closed', 1), ('pid', 4711);
INSERT INTO plans VALUES (1, 'f9d12f813d7f544dbc0c4cfcace4d7357ce712eac5d1a9d9268f30abceea59c5',
  '{"results":["a"],"steps":[{"name":"a","reads":[],"waits":0,"releases":[],"vital":true}]}');
INSERT INTO runs (serial, id, pipeline, submitted, text, plan_id, status) VALUES (7, '${RUN}', 'p', 2000,
  '{"id":"${RUN}","pipelineId":"p","version":"v1","submittedAtMillis":2000,"startAtMillis":2000,"onFailure":"fail-fast","priority":0,"parameters":{}}',
  1, 'PENDING');
INSERT INTO events VALUES (11, 7, 0, 2,
  '[{"type":"RunStarted","atMillis":2001,"parameters":true},{"type":"StepStarted","atMillis":2001,"step":"a","index":0,"attempt":1,"worker":"w"}]');
INSERT INTO events VALUES (12, 7, 2, 3,
  '[{"type":"StepRetried","atMillis":2002,"step":"a","index":0,"attempt":1,"error":{"name":"TaskFailed","message":"it broke","step":"a"},"waitMillis":5}]');
INSERT INTO kept (name, key, text) VALUES ('paused', 'q', 'true');
`

/** Makes the file. 1281717860 marks files of Levada. */
export const writeVersion1 = (path: string): void => {
  const database = new DatabaseSync(path)
  database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
  database.exec(`BEGIN; ${TABLES} ${ROWS} PRAGMA user_version = 1; PRAGMA application_id = 1281717860; COMMIT`)
  database.close()
}

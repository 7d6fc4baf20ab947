/** The tables of a file, and how a file of an earlier version becomes one of this version. */

/** Marks a file as one of Levada's ("Levd"). */
export const APPLICATION_ID = 0x4c657664

/**
 * What makes each version from the one before; the first from an empty file. Files of all these versions exist: add a step, and
 * never change one.
 */
export const STEPS: ReadonlyArray<string> = [
  `
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
]

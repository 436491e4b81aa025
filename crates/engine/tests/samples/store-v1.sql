-- A store as version 1 of the schema wrote it. It is never changed.
CREATE TABLE definitions (
    key TEXT PRIMARY KEY NOT NULL,
    text TEXT NOT NULL
) STRICT;
INSERT INTO "definitions" VALUES('5f2b','{}');
CREATE TABLE executions (
    key INTEGER PRIMARY KEY NOT NULL,
    status TEXT NOT NULL,
    arn TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state_machine_arn TEXT NOT NULL,
    state_machine_name TEXT NOT NULL,
    role_arn TEXT NOT NULL,
    definition TEXT NOT NULL REFERENCES definitions (key),
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    parked TEXT,
    error TEXT,
    cause TEXT,
    input TEXT NOT NULL,
    output TEXT
) STRICT;
INSERT INTO "executions" VALUES(1,'RUNNING','arn:aws:states:eu-west-1:000000000000:execution:photos:e1','e1','arn:aws:states:eu-west-1:000000000000:stateMachine:photos','photos','arn:aws:iam::000000000000:role/darkroom','5f2b',1760000000001,NULL,NULL,NULL,NULL,' {"n": 1.50} ',NULL);
INSERT INTO "executions" VALUES(2,'SUCCEEDED','arn:aws:states:eu-west-1:000000000000:execution:photos:e2','e2','arn:aws:states:eu-west-1:000000000000:stateMachine:photos','photos','arn:aws:iam::000000000000:role/darkroom','5f2b',1760000000002,1760000009002,NULL,NULL,NULL,' {"n": 1.50} ','[1.0]');
INSERT INTO "executions" VALUES(4,'FAILED','arn:aws:states:eu-west-1:000000000000:execution:photos:e4','e4','arn:aws:states:eu-west-1:000000000000:stateMachine:photos','photos','arn:aws:iam::000000000000:role/darkroom','5f2b',1760000000004,1760000009004,NULL,'Disk','full',' {"n": 1.50} ',NULL);
INSERT INTO "executions" VALUES(5,'RUNNING','arn:aws:states:eu-west-1:000000000000:execution:photos:e5','e5','arn:aws:states:eu-west-1:000000000000:stateMachine:photos','photos','arn:aws:iam::000000000000:role/darkroom','5f2b',1760000000005,NULL,'its definition is gone',NULL,NULL,' {"n": 1.50} ',NULL);
CREATE TABLE history (
    execution INTEGER NOT NULL,
    first_event INTEGER NOT NULL,
    last_event INTEGER NOT NULL,
    format INTEGER NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (execution, first_event)
) STRICT;
INSERT INTO "history" VALUES(1,1,1,1,'[{"timestamp":1760000000.007,"type":"ExecutionStarted","id":1,"previousEventId":0,"executionStartedEventDetails":{"input":"{ \"bucket\" : \"photos\",\n  \"size\": 1.50, \"größe\": \"\\u00e9\\\\\\\"🖼\" }","roleArn":"arn:aws:iam::000000000000:role/darkroom"}}]');
CREATE INDEX executions_by_status ON executions (status);
CREATE INDEX executions_by_state_machine ON executions (state_machine_arn, status);
PRAGMA user_version = 1;

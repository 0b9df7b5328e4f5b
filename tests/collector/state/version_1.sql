-- A state database as schema version 1 wrote it (`.dump`), with a row in some of its tables.
BEGIN TRANSACTION;
CREATE TABLE alert_verdicts (
	alert_id VARCHAR NOT NULL, 
	verdict_id VARCHAR NOT NULL, 
	decided_ns BIGINT NOT NULL, 
	reference_start_ns BIGINT NOT NULL, 
	current_end_ns BIGINT NOT NULL, 
	PRIMARY KEY (alert_id, verdict_id)
);
CREATE TABLE alerts (
	alert_id VARCHAR NOT NULL, 
	rule_id VARCHAR NOT NULL, 
	rule_name VARCHAR NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	labels JSON NOT NULL, 
	state VARCHAR NOT NULL, 
	severity VARCHAR NOT NULL, 
	value FLOAT, 
	summary TEXT NOT NULL, 
	links JSON NOT NULL, 
	since_ns BIGINT NOT NULL, 
	fired_ns BIGINT, 
	resolved_ns BIGINT, 
	acknowledged_ns BIGINT, 
	acknowledged_by VARCHAR, 
	PRIMARY KEY (alert_id)
);
INSERT INTO "alerts" VALUES('a1','calls-fail','Calls fail','f1','{"service": "shop"}','firing','critical',0.5,'half of the calls failed','{}',100,200,NULL,NULL,NULL);
CREATE TABLE checkpoints (
	consumer VARCHAR NOT NULL, 
	seq BIGINT NOT NULL, 
	updated_ns BIGINT NOT NULL, 
	PRIMARY KEY (consumer)
);
INSERT INTO "checkpoints" VALUES('text',41,1);
CREATE TABLE judge_spend (
	utc_day VARCHAR NOT NULL, 
	n_calls INTEGER NOT NULL, 
	cost_usd FLOAT NOT NULL, 
	PRIMARY KEY (utc_day)
);
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','1');
CREATE TABLE monitors (
	monitor_id VARCHAR NOT NULL, 
	project VARCHAR NOT NULL, 
	service VARCHAR, 
	request_model VARCHAR, 
	state JSON NOT NULL, 
	updated_ns BIGINT NOT NULL, 
	PRIMARY KEY (monitor_id)
);
CREATE TABLE outbox (
	delivery_id VARCHAR NOT NULL, 
	alert_id VARCHAR NOT NULL, 
	receiver VARCHAR NOT NULL, 
	body TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	n_attempts INTEGER NOT NULL, 
	next_attempt_ns BIGINT NOT NULL, 
	delivered_ns BIGINT, 
	gave_up_ns BIGINT, 
	last_error TEXT, 
	PRIMARY KEY (delivery_id)
);
CREATE TABLE review_items (
	item_id VARCHAR NOT NULL, 
	call_id VARCHAR NOT NULL, 
	call_start_ns BIGINT NOT NULL, 
	project VARCHAR NOT NULL, 
	stratum VARCHAR NOT NULL, 
	inclusion_probability FLOAT NOT NULL, 
	reason TEXT NOT NULL, 
	place VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	reviewer VARCHAR, 
	reserved_until_ns BIGINT, 
	created_ns BIGINT NOT NULL, 
	closed_ns BIGINT, 
	seconds FLOAT, 
	skip_reason TEXT, 
	PRIMARY KEY (item_id), 
	UNIQUE (call_id)
);
INSERT INTO "review_items" VALUES('i1','c1',5,'default','random',0.01,'random','p','open',NULL,NULL,6,NULL,NULL,NULL);
CREATE TABLE rules (
	rule_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	spec JSON NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	created_ns BIGINT NOT NULL, 
	PRIMARY KEY (rule_id), 
	UNIQUE (name)
);
INSERT INTO "rules" VALUES('calls-fail','Calls fail','{"kind": "metric", "metric": "error_rate", "comparison": "above", "threshold": 0.05}',true,1);
CREATE TABLE series_colours (
	dimension VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	place INTEGER NOT NULL, 
	PRIMARY KEY (dimension, name)
);
CREATE TABLE verdict_feedback (
	verdict_id VARCHAR NOT NULL, 
	feedback VARCHAR NOT NULL, 
	author VARCHAR NOT NULL, 
	created_ns BIGINT NOT NULL, 
	PRIMARY KEY (verdict_id)
);
CREATE INDEX alerts_by_time ON alerts (since_ns);
CREATE INDEX alerts_by_fingerprint ON alerts (fingerprint, state);
CREATE INDEX alert_verdicts_by_verdict ON alert_verdicts (verdict_id);
CREATE INDEX outbox_by_due ON outbox (delivered_ns, next_attempt_ns);
CREATE INDEX review_by_place ON review_items (state, place);
COMMIT;

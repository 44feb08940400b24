-- The ledger: what was applied, by which run, and who owns a plan at this moment.
--
-- postlude runs this file itself, in one transaction, holding the lock for the whole database.
-- Later files only add, so that an older postlude goes on working with a newer ledger.
-- The comments below are for the person who looks at these tables with psql.

CREATE SCHEMA postlude;
COMMENT ON SCHEMA postlude IS 'Ledger of postlude, which migrates this database after each deploy';

CREATE TABLE postlude.upgrade (
    version    integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by text NOT NULL
);
COMMENT ON TABLE postlude.upgrade IS 'Versions of this schema, and the release of postlude that brought each';

CREATE TABLE postlude.plan (
    plan        text PRIMARY KEY,
    owner       uuid,
    owned_since timestamptz,
    touched_at  timestamptz
);
COMMENT ON TABLE postlude.plan IS 'Who owns a plan: the row is the lock, held FOR UPDATE inside each migration''s transaction';
COMMENT ON COLUMN postlude.plan.owner IS 'run_id of the run that is applying migrations now; null when nobody is';
COMMENT ON COLUMN postlude.plan.touched_at IS 'Sign of life of the owner; unlocked and older than a few seconds, the next run takes over';

CREATE TABLE postlude.run (
    run_id         uuid PRIMARY KEY,
    plan           text NOT NULL,
    trigger        text NOT NULL,
    pipeline       text,
    stage          text,
    execution_id   text,
    attempt        bigint,
    event_id       text,
    account        text,
    region         text,
    schedule       text,
    scheduled_time text,
    revision       text,
    task_arn       text,
    image          text,
    operator       text,
    reason         text,
    plan_digest    text,
    version        text,
    started_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    outcome        text,
    error          jsonb,
    report         jsonb,
    reported_at    timestamptz
);
CREATE INDEX run_by_execution ON postlude.run (plan, execution_id) WHERE execution_id IS NOT NULL;
CREATE INDEX run_by_time ON postlude.run (plan, started_at);
COMMENT ON TABLE postlude.run IS 'One row for each run that reached this database, but for duplicate deliveries';
COMMENT ON COLUMN postlude.run.outcome IS 'Null while it runs; lost when it was killed and a later run found it';
COMMENT ON COLUMN postlude.run.operator IS 'As claimed by --by; CloudTrail is the proof';
COMMENT ON COLUMN postlude.run.reported_at IS 'When the report was published; null means it was not, or not yet';

CREATE TABLE postlude.migration (
    plan            text NOT NULL,
    id              text NOT NULL,
    state           text NOT NULL CHECK (state IN ('applied', 'started', 'failed', 'skipped')),
    kind            text NOT NULL,
    checksum        text,
    run_id          uuid NOT NULL,
    statements_done integer NOT NULL DEFAULT 0,
    started_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_at      timestamptz,
    duration_ms     bigint,
    error           jsonb,
    PRIMARY KEY (plan, id)
);
COMMENT ON TABLE postlude.migration IS 'One row a migration; a transactional migration and its row commit together';
COMMENT ON COLUMN postlude.migration.checksum IS 'algorithm:hex of the canonical text (LF, no BOM, no blanks or line ends at the end)';

CREATE VIEW postlude.current AS
SELECT m.plan, m.id, m.state, m.applied_at, m.duration_ms, m.run_id, r.trigger, r.pipeline, r.stage,
       r.execution_id, r.attempt, r.revision, r.image, r.task_arn, r.operator, r.reason
FROM postlude.migration m
LEFT JOIN postlude.run r ON r.run_id = m.run_id;
COMMENT ON VIEW postlude.current IS 'Each migration with the run, and so the deploy, that brought it';

CREATE VIEW postlude.last_failure AS
SELECT DISTINCT ON (plan) plan, run_id, outcome, started_at, finished_at, trigger, pipeline,
       execution_id, error ->> 'migration' AS migration, error ->> 'sqlstate' AS sqlstate,
       error ->> 'message' AS message, error ->> 'hint' AS hint, error ->> 'file' AS file,
       (error ->> 'line')::integer AS line, reported_at
FROM postlude.run
WHERE outcome NOT IN ('applied', 'nothing')
ORDER BY plan, started_at DESC;
COMMENT ON VIEW postlude.last_failure IS 'The last run of each plan that did not end well';

-- Makes p_row->run_id the owner of its plan, unless another run is at work. The row of the run is
-- written with it, and runs that never ended are marked lost. Never waits for a lock.
CREATE FUNCTION postlude.take(p_row jsonb, p_lease interval,
                              OUT taken boolean, OUT holder uuid, OUT held_since timestamptz)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_plan text := p_row ->> 'plan';
    v_run  uuid := (p_row ->> 'run_id')::uuid;
BEGIN
    taken := false;
    INSERT INTO postlude.plan (plan) SELECT v_plan
    WHERE NOT EXISTS (SELECT FROM postlude.plan WHERE plan = v_plan) ON CONFLICT DO NOTHING;
    BEGIN
        PERFORM FROM postlude.plan WHERE plan = v_plan FOR UPDATE NOWAIT;
        UPDATE postlude.plan
        SET owner = v_run, owned_since = clock_timestamp(), touched_at = clock_timestamp()
        WHERE plan = v_plan
          AND (owner IS NULL OR owner = v_run OR touched_at < clock_timestamp() - p_lease);
        taken := FOUND;
    EXCEPTION WHEN lock_not_available THEN
        NULL;
    END;
    SELECT owner, owned_since INTO holder, held_since FROM postlude.plan WHERE plan = v_plan;
    IF taken THEN
        UPDATE postlude.run SET outcome = 'lost', finished_at = clock_timestamp()
        WHERE plan = v_plan AND finished_at IS NULL AND run_id <> v_run;
        INSERT INTO postlude.run SELECT * FROM jsonb_populate_record(NULL::postlude.run, p_row)
        ON CONFLICT (run_id) DO NOTHING;
    END IF;
END $$;

-- Takes out of the session what neither the end of a transaction nor RESET ALL does, so that it does
-- not reach the next client of the pool. Statements prepared by the protocol are the pooler's.
CREATE FUNCTION postlude.tidy() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_name text;
BEGIN
    PERFORM pg_advisory_unlock_all();
    FOR v_name IN SELECT name FROM pg_prepared_statements WHERE from_sql LOOP
        EXECUTE format('DEALLOCATE %I', v_name);
    END LOOP;
END $$;

-- The first statement of each migration's transaction: locks the owner row, and goes on only while
-- this run still owns the plan and the migration before this one is in place.
CREATE FUNCTION postlude.claim(p_plan text, p_run uuid, p_id text, p_before text, p_kind text,
                               p_checksum text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('standard_conforming_strings') <> 'on' THEN
        RAISE EXCEPTION 'standard_conforming_strings is off' USING ERRCODE = 'PL004';
    END IF;
    PERFORM FROM postlude.plan WHERE plan = p_plan AND owner = p_run FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % does not own plan % any more', p_run, p_plan USING ERRCODE = 'PL001';
    END IF;
    IF p_before IS NOT NULL AND NOT EXISTS (
        SELECT FROM postlude.migration
        WHERE plan = p_plan AND id = p_before AND state IN ('applied', 'skipped')) THEN
        RAISE EXCEPTION 'migration % is not in place', p_before USING ERRCODE = 'PL002';
    END IF;
    DELETE FROM postlude.migration WHERE plan = p_plan AND id = p_id AND state = 'failed';
    INSERT INTO postlude.migration (plan, id, state, kind, checksum, run_id)
    VALUES (p_plan, p_id, 'started', p_kind, p_checksum, p_run);
END $$;

-- The last statement before the COMMIT of each migration's transaction.
CREATE FUNCTION postlude.finish(p_plan text, p_run uuid, p_id text, p_statements integer)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE postlude.migration
    SET state = 'applied', statements_done = p_statements, applied_at = clock_timestamp(),
        duration_ms = round(extract(epoch FROM clock_timestamp() - started_at) * 1000)
    WHERE plan = p_plan AND id = p_id AND run_id = p_run AND state = 'started';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the ledger row of migration % is gone: the migration changed schema postlude', p_id
            USING ERRCODE = 'PL003';
    END IF;
    UPDATE postlude.plan SET touched_at = clock_timestamp() WHERE plan = p_plan AND owner = p_run;
END $$;

-- Records that a migration failed and was rolled back; nothing when another run owns the plan.
CREATE FUNCTION postlude.fail(p_plan text, p_run uuid, p_id text, p_kind text, p_checksum text,
                              p_error jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM postlude.plan WHERE plan = p_plan AND owner = p_run FOR UPDATE;
    IF FOUND THEN
        INSERT INTO postlude.migration (plan, id, state, kind, checksum, run_id, error)
        VALUES (p_plan, p_id, 'failed', p_kind, p_checksum, p_run, p_error)
        ON CONFLICT (plan, id) DO UPDATE
        SET state = 'failed', kind = p_kind, checksum = p_checksum, run_id = p_run,
            error = p_error, started_at = clock_timestamp(), applied_at = NULL
        WHERE migration.state = 'failed';
    END IF;
END $$;

-- Writes how a run ended (a row of its own when it never took the plan) and gives the plan back.
CREATE FUNCTION postlude.end_run(p_row jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_row postlude.run := jsonb_populate_record(NULL::postlude.run, p_row);
BEGIN
    UPDATE postlude.plan SET owner = NULL, touched_at = clock_timestamp()
    WHERE plan = v_row.plan AND owner = v_row.run_id;
    INSERT INTO postlude.run SELECT v_row.*
    ON CONFLICT (run_id) DO UPDATE
    SET finished_at = excluded.finished_at, outcome = excluded.outcome, error = excluded.error,
        report = excluded.report;
END $$;

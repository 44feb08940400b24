-- Steps that run outside a transaction, commands, and what people settle by hand.
--
-- Such a step cannot commit together with its row: the row says "started" before it and how far it
-- came after each statement. Meanwhile another connection, the guard, holds the owner row locked:
-- the step functions read it, and neither lock nor change it.

ALTER TABLE postlude.migration
    ADD COLUMN attempting    integer,
    ADD COLUMN note          jsonb,
    ADD COLUMN done_checksum text,
    ADD COLUMN exit_status   integer;
COMMENT ON COLUMN postlude.migration.attempting IS 'Number, from 0, of the statement in flight outside a transaction: not known to be done or not';
COMMENT ON COLUMN postlude.migration.note IS 'What the catalogue said before that statement';
COMMENT ON COLUMN postlude.migration.done_checksum IS 'Digest of the text of the statements that are done: they must not change any more';
COMMENT ON COLUMN postlude.migration.exit_status IS 'Of a command';

-- claim(), and a sign of life: the INFO makes the server send the answers it holds back, so that a
-- message with many migrations shows how far it is.
CREATE FUNCTION postlude.begin(p_plan text, p_run uuid, p_id text, p_before text, p_kind text,
                               p_checksum text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM postlude.claim(p_plan, p_run, p_id, p_before, p_kind, p_checksum);
    RAISE INFO 'postlude: %', p_id USING ERRCODE = 'PL000';
END $$;

-- For the guard's open transaction: locks the owner row; false when another run owns the plan.
CREATE FUNCTION postlude.hold(p_plan text, p_run uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM postlude.plan WHERE plan = p_plan AND owner = p_run FOR UPDATE NOWAIT;
    RETURN FOUND;
END $$;

-- A sign of life of the owner; false when another run owns the plan.
CREATE FUNCTION postlude.touch(p_plan text, p_run uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE postlude.plan SET touched_at = clock_timestamp() WHERE plan = p_plan AND owner = p_run;
    RETURN FOUND;
END $$;

CREATE FUNCTION postlude.step_owned(p_plan text, p_run uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM postlude.plan WHERE plan = p_plan AND owner = p_run) THEN
        RAISE EXCEPTION 'run % does not own plan % any more', p_run, p_plan USING ERRCODE = 'PL001';
    END IF;
END $$;

-- Writes the row of a step before it begins, or takes over the one an earlier run left: what that
-- one says of statements done and in flight stays. A row of a command for each run is begun anew.
CREATE FUNCTION postlude.step_start(p_plan text, p_run uuid, p_id text, p_before text, p_kind text,
                                    p_checksum text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('standard_conforming_strings') <> 'on' THEN
        RAISE EXCEPTION 'standard_conforming_strings is off' USING ERRCODE = 'PL004';
    END IF;
    IF p_before IS NOT NULL AND NOT EXISTS (
        SELECT FROM postlude.migration
        WHERE plan = p_plan AND id = p_before AND state IN ('applied', 'skipped')) THEN
        PERFORM postlude.step_owned(p_plan, p_run);
        RAISE EXCEPTION 'migration % is not in place', p_before USING ERRCODE = 'PL002';
    END IF;
    IF p_kind = 'every' THEN
        DELETE FROM postlude.migration WHERE plan = p_plan AND id = p_id AND state = 'applied';
    END IF;
    INSERT INTO postlude.migration AS m (plan, id, state, kind, checksum, run_id)
    VALUES (p_plan, p_id, 'started', p_kind, p_checksum, p_run)
    ON CONFLICT (plan, id) DO UPDATE
    SET state = 'started', kind = p_kind, checksum = p_checksum, run_id = p_run, error = NULL,
        exit_status = NULL, applied_at = NULL, duration_ms = NULL,
        started_at = CASE WHEN m.statements_done > 0 THEN m.started_at ELSE clock_timestamp() END
    WHERE m.state IN ('started', 'failed');
    IF NOT FOUND THEN
        PERFORM postlude.step_owned(p_plan, p_run);
        RAISE EXCEPTION 'migration % is in place already', p_id USING ERRCODE = 'PL002';
    END IF;
    -- Last: who owned the plan before the row was locked may have lost it while it waited.
    PERFORM postlude.step_owned(p_plan, p_run);
END $$;

-- Locks the row of a step that this run has started.
CREATE FUNCTION postlude.step_lock(p_plan text, p_run uuid, p_id text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_found boolean;
BEGIN
    PERFORM FROM postlude.migration
    WHERE plan = p_plan AND id = p_id AND run_id = p_run AND state = 'started' FOR UPDATE;
    v_found := FOUND;
    PERFORM postlude.step_owned(p_plan, p_run);
    IF NOT v_found THEN
        RAISE EXCEPTION 'the ledger row of migration % is gone or not the one this run started', p_id
            USING ERRCODE = 'PL003';
    END IF;
END $$;

-- Before a statement: from now on nobody knows whether it took effect.
CREATE FUNCTION postlude.step_attempt(p_plan text, p_run uuid, p_id text, p_statement integer,
                                      p_note jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM postlude.step_lock(p_plan, p_run, p_id);
    UPDATE postlude.migration SET attempting = p_statement, note = p_note
    WHERE plan = p_plan AND id = p_id;
END $$;

-- After it: so many statements are done, and this is the digest of their text.
CREATE FUNCTION postlude.step_done(p_plan text, p_run uuid, p_id text, p_statements integer,
                                   p_checksum text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM postlude.step_lock(p_plan, p_run, p_id);
    UPDATE postlude.migration
    SET statements_done = p_statements, done_checksum = p_checksum, attempting = NULL, note = NULL
    WHERE plan = p_plan AND id = p_id;
END $$;

CREATE FUNCTION postlude.step_finish(p_plan text, p_run uuid, p_id text, p_exit integer)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM postlude.step_lock(p_plan, p_run, p_id);
    UPDATE postlude.migration
    SET state = 'applied', applied_at = clock_timestamp(), exit_status = p_exit,
        duration_ms = round(extract(epoch FROM clock_timestamp() - started_at) * 1000),
        attempting = NULL, note = NULL
    WHERE plan = p_plan AND id = p_id;
END $$;

-- p_clear: the statement in flight is known to have left nothing behind. Otherwise nobody knows,
-- and the row stays "started".
CREATE FUNCTION postlude.step_fail(p_plan text, p_run uuid, p_id text, p_error jsonb,
                                   p_exit integer, p_clear boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM postlude.step_lock(p_plan, p_run, p_id);
    UPDATE postlude.migration
    SET state = CASE WHEN p_clear THEN 'failed' ELSE state END,
        attempting = CASE WHEN p_clear THEN NULL ELSE attempting END,
        note = CASE WHEN p_clear THEN NULL ELSE note END,
        error = p_error, exit_status = p_exit
    WHERE plan = p_plan AND id = p_id;
END $$;

-- What a person settles, under the owner row's lock: "applied" and "skip" make the row where there
-- is none; "retry" sets it to failed, so that the next run does the statement in flight again (all
-- of it, when it was applied); "accept" takes the present checksum of an applied one. Returns the
-- former state, null for no row; "retry" and "accept" change nothing where that is not as they need.
CREATE FUNCTION postlude.resolve(p_plan text, p_run uuid, p_id text, p_action text, p_checksum text,
                                 p_kind text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_former text;
    v_state  text := CASE p_action WHEN 'applied' THEN 'applied' WHEN 'skip' THEN 'skipped' END;
BEGIN
    PERFORM FROM postlude.plan WHERE plan = p_plan AND owner = p_run FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % does not own plan % any more', p_run, p_plan USING ERRCODE = 'PL001';
    END IF;
    SELECT state INTO v_former FROM postlude.migration WHERE plan = p_plan AND id = p_id FOR UPDATE;
    IF v_state IS NOT NULL THEN
        INSERT INTO postlude.migration AS m (plan, id, state, kind, checksum, run_id, applied_at)
        VALUES (p_plan, p_id, v_state, p_kind, p_checksum, p_run,
                CASE WHEN v_state = 'applied' THEN clock_timestamp() END)
        ON CONFLICT (plan, id) DO UPDATE
        SET state = v_state, kind = p_kind, checksum = p_checksum, run_id = p_run,
            applied_at = CASE WHEN v_state = 'applied'
                              THEN coalesce(m.applied_at, clock_timestamp()) END,
            attempting = NULL, note = NULL, error = NULL;
    ELSIF p_action = 'retry' THEN
        UPDATE postlude.migration
        SET state = 'failed', run_id = p_run, applied_at = NULL, attempting = NULL, note = NULL,
            statements_done = CASE WHEN state = 'applied' THEN 0 ELSE statements_done END,
            done_checksum = CASE WHEN state = 'applied' THEN NULL ELSE done_checksum END
        WHERE plan = p_plan AND id = p_id;
    ELSIF p_action = 'accept' THEN
        UPDATE postlude.migration SET checksum = p_checksum
        WHERE plan = p_plan AND id = p_id AND state = 'applied';
    ELSE
        RAISE EXCEPTION 'no such action: %', p_action USING ERRCODE = '22023';
    END IF;
    RETURN v_former;
END $$;

-- Reports that are kept until they are sent.
--
-- A run that has something to report says with its result until when it will have sent it. What was
-- not sent by then, by whichever misfortune, is taken up by a later run of the plan.

ALTER TABLE postlude.run ADD COLUMN report_after timestamptz;
COMMENT ON COLUMN postlude.run.report_after IS 'From then on any run of the plan may send this report, while reported_at is null; null when nobody waits for it';
CREATE INDEX run_unreported ON postlude.run (plan, report_after)
    WHERE reported_at IS NULL AND report_after IS NOT NULL;

-- As before; and where the row has report_lease, an interval, the report is this run's own to send
-- for so long. A ledger without this function takes no notice of it.
CREATE OR REPLACE FUNCTION postlude.end_run(p_row jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_row postlude.run := jsonb_populate_record(NULL::postlude.run, p_row);
BEGIN
    v_row.report_after := clock_timestamp() + (p_row ->> 'report_lease')::interval;
    UPDATE postlude.plan SET owner = NULL, touched_at = clock_timestamp()
    WHERE plan = v_row.plan AND owner = v_row.run_id;
    INSERT INTO postlude.run SELECT v_row.*
    ON CONFLICT (run_id) DO UPDATE
    SET finished_at = excluded.finished_at, outcome = excluded.outcome, error = excluded.error,
        report = excluded.report, report_after = excluded.report_after;
END $$;

/*
 * A run's metrics, in CloudWatch's embedded metric format: the members that make a JSON log line
 * one from which CloudWatch Logs takes metrics. Pure.
 *
 * Namespace `postlude`; duration (Milliseconds), applied, pending, failed (Count), each once by the
 * dimension `plan` and once without any, so that one alarm can watch all plans, and the runs whose
 * plan could not be read. No id is a dimension: every value of one is a metric to be paid for.
 * "Specification: Embedded metric format" is the document followed.
 */
#ifndef POSTLUDE_OUTCOME_EMF_H
#define POSTLUDE_OUTCOME_EMF_H

#include "base/attr.h"
#include "base/json.h"
#include "outcome/outcome.h"

/* Of a run that is over. A metric that is not known is left out: a run that never saw the database
 * says nothing of what is pending. failed is 1 for every outcome that is an error, else 0. Beside
 * them stand, as plain members where they are known, outcome, exit_code, trigger, pipeline, stage
 * and execution_id. At most 4 KiB as text. New reference. */
json_t *outcome_emf(const struct outcome *outcome);

/* Whether this run is one to count: not what was ignored, nor a dry run. */
bool outcome_emf_wanted(const struct outcome *outcome);

#endif

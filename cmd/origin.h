/* Where a run takes place, for ledger and report: the ECS task, its log, and how to start it again.
 */
#ifndef POSTLUDE_CMD_ORIGIN_H
#define POSTLUDE_CMD_ORIGIN_H

#include "aws/session.h"
#include "base/stop.h"
#include "outcome/outcome.h"

/* Asks ECS, for at most a second, which task this is, fills the outcome's task, log_url and, where
 * POSTLUDE_RERUN does not say it, rerun, and tells the session its region. Outside ECS nothing is
 * asked. What cannot be had is logged and left out: no run fails for it. */
void origin_learn(struct aws *aws, const struct stop *stop, struct outcome *outcome);

#endif

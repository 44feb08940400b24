/* What the verbs begin with: the trigger and the plan, from settings. */
#ifndef POSTLUDE_CMD_LOAD_H
#define POSTLUDE_CMD_LOAD_H

#include "cmd/settings.h"
#include "plan/plan.h"
#include "trigger/trigger.h"

/* Whether an event was given in any form. */
bool load_has_event(const struct settings *settings);

/* Whether --event's word is the event itself: what begins like JSON, or like what a broken rule
 * makes of it, is no file name. */
bool load_is_event(const char *word);

/* Reads why this was started. ERROR_REFUSED, and ERROR_INVALID for an --event file that cannot be
 * read. The caller frees *out_trigger. */
MUST_CHECK bool load_trigger(const struct settings *settings, struct trigger **out_trigger,
                             struct error *err);

/* The plan's path: --plan, or the first default that is there. ERROR_INVALID. */
MUST_CHECK bool load_plan_path(const struct settings *settings, const char **out_path,
                               struct error *err);

/* The plan, fit to run; warnings are logged at debug level. ERROR_INVALID: *out_plan is then as far
 * as it was understood, or NULL, good for its name and for where to report. The caller frees it. */
MUST_CHECK bool load_plan(const struct settings *settings, struct plan **out_plan,
                          struct error *err);

#endif

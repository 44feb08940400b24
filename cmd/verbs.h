/* The table of verbs: what dispatch, --help and README's block are made from. */
#ifndef POSTLUDE_CMD_VERBS_H
#define POSTLUDE_CMD_VERBS_H

#include "cmd/settings.h"

extern const struct verb verbs[];
extern const size_t verb_count;

/* Words of the contract whose behaviour is not built yet. */
extern const char *const verbs_to_come[];
extern const size_t verbs_to_come_count;

/* An error in command line or variables, before any verb could begin: answered, and reported to
 * POSTLUDE_REPORT_TOPIC, as a run that ended `invalid`. Its exit code. */
int cmd_refuse(const struct settings *settings, const struct error *error);

int cmd_check(const struct settings *settings);
int cmd_resolve(const struct settings *settings);
int cmd_run(const struct settings *settings);
int cmd_status(const struct settings *settings);
int cmd_validate(const struct settings *settings);

#endif

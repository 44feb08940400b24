#include "cmd/verbs.h"

const struct verb verbs[] = {
    {"run", "apply what the plan has and the database has not (the default)", NULL,
     1u << OPTION_EVENT | 1u << OPTION_DRY_RUN | 1u << OPTION_TO | 1u << OPTION_REASON |
         1u << OPTION_BY,
     cmd_run},
    {"status", "applied / pending / changed / failed / unknown, per migration", NULL, 0,
     cmd_status},
    {"check", "0 when the database is at the plan, 9 when something is pending", NULL,
     1u << OPTION_WAIT, cmd_check},
    {"validate", "every finding in plan, SQL files and --event, without a network", NULL,
     1u << OPTION_EVENT | 1u << OPTION_REASON | 1u << OPTION_BY, cmd_validate},
    {"resolve", "settle migration ID by hand, as one of its options says", "ID",
     1u << OPTION_REASON | 1u << OPTION_BY | 1u << OPTION_APPLIED | 1u << OPTION_RETRY |
         1u << OPTION_SKIP | 1u << OPTION_ACCEPT,
     cmd_resolve},
};
const size_t verb_count = COUNT(verbs);

const char *const verbs_to_come[] = {"doctor", "history", "adopt", "new"};
const size_t verbs_to_come_count = COUNT(verbs_to_come);

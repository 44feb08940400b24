#include "deliver/deliver.h"

static bool is_failure(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_ERROR;
}

bool deliver_wanted(const struct outcome *outcome, enum deliver_when when)
{
    if (outcome->kind == OUTCOME_IGNORED || outcome->dry_run ||
        (is_failure(outcome) && outcome->error.kind == ERROR_PENDING)) {
        return false;
    }
    switch (when) {
    case DELIVER_ALWAYS:
        return true;
    case DELIVER_CHANGES:
        return is_failure(outcome) || outcome->kind == OUTCOME_APPLIED;
    case DELIVER_FAILURES:
        break;
    }
    return is_failure(outcome);
}

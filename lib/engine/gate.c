#include "engine/gate.h"

#include "base/buf.h"
#include "base/text.h"

enum { FIRST_MS = 500, MOST_MS = 4000, NAMED_MAX = 5 };

static bool nobody_knows(const struct ledger_row *row, struct error *err)
{
    error_set(err, ERROR_CONFLICT,
              "run %s was cut off while command \"%s\" ran, and nobody can tell what it did",
              row->run_id, row->id);
    return error_hint(err,
                      "Look at what it works on, then settle it: \"postlude resolve %s --retry "
                      "--reason TEXT\" has it run again, --applied says that it did its work.",
                      row->id);
}

static bool pending(const struct decision *decision, const struct plan *plan, struct error *err)
{
    AUTO(buf) struct buf ids = buf_make(4096);
    size_t named = 0;
    for (size_t i = 0; i < decision->step_count && named < NAMED_MAX; i++) {
        if (decision->states[decision->steps[i]] != DECIDE_EVERY) {
            buf_format(&ids, "%s%s", named++ ? ", " : "", plan->migrations[decision->steps[i]].id);
        }
    }
    if (decision->pending_count > named) {
        buf_format(&ids, " and %zu more", decision->pending_count - named);
    }
    return error_set(err, ERROR_PENDING, "%zu migration%s pending: %s", decision->pending_count,
                     decision->pending_count == 1 ? " is" : "s are", ids.data);
}

bool gate_judge(const struct decision *decision, const struct plan *plan,
                const struct ledger *ledger, struct error *err)
{
    if (!decide_check(decision, plan, ledger, err)) {
        return false;
    }
    for (size_t i = 0; i < decision->count; i++) {
        const struct plan_migration *migration = &plan->migrations[i];
        if (decision->states[i] == DECIDE_UNKNOWN && migration->command && !migration->verify) {
            const struct ledger_row *row = ledger_find(ledger, migration->id);
            if (!text_same(row->run_id, ledger->holder.run_id)) {
                return nobody_knows(row, err);
            }
        }
    }
    return decision->pending_count == 0 || pending(decision, plan, err);
}

int64_t gate_pause_ms(unsigned looks)
{
    int64_t pause = FIRST_MS;
    for (unsigned i = 1; i < looks && pause < MOST_MS; i++) {
        pause += pause / 2;
    }
    return pause < MOST_MS ? pause : MOST_MS;
}

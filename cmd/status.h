/* What status gathers, and how it is said to people. */
#ifndef POSTLUDE_CMD_STATUS_H
#define POSTLUDE_CMD_STATUS_H

#include "aws/session.h"
#include "base/buf.h"
#include "engine/decide.h"
#include "engine/engine.h"

struct status {
    struct plan *plan;
    struct target *target;
    struct aws aws;
    struct trigger *trigger; /* an empty one: status asks for no execution */
    struct outcome *outcome; /* its database part */
    struct engine *engine;
    struct decision *decision;
    struct error refusal; /* what a run would be told; kind ERROR_NONE: nothing stands against it */
};

/* Of one that was gathered. */
void status_text(const struct status *status, size_t width, struct buf *out);

#endif

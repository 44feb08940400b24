/* Triggers that the tests of this room begin with. */
#ifndef POSTLUDE_TESTS_CONFIRM_EVENTS_H
#define POSTLUDE_TESTS_CONFIRM_EVENTS_H

#include "base/memory.h"
#include "trigger/trigger.h"

#define OURS "5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18"
#define OTHER "6c2d8f1b-0a53-4e2f-9b74-1d3a8eaf5c29"

/* The SUCCEEDED of version 6 of pipeline orders-prod; with a stage, of that stage. The caller frees
 * it. */
UNUSED static struct trigger *event_of(const char *stage)
{
    struct trigger *trigger = memory_new(1, sizeof *trigger);
    trigger->kind = stage ? TRIGGER_STAGE : TRIGGER_CODEPIPELINE;
    trigger->account = memory_text("210987654321");
    trigger->region = memory_text("eu-west-3");
    trigger->pipeline = memory_text("orders-prod");
    trigger->stage = memory_text(stage);
    trigger->execution_id = memory_text(OURS);
    trigger->state = memory_text("SUCCEEDED");
    trigger->attempt = 1;
    trigger->version = 6;
    trigger->time_ms = -1;
    return trigger;
}

#endif

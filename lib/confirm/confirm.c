#include "confirm/confirm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/sts.h"
#include "base/log.h"
#include "base/text.h"
#include "confirm/advice.h"
#include "confirm/judge.h"

enum { PATIENCE_MS = 60000, PAUSE_MS = 1000, PAUSE_GROWTH = 8, PAGES_MAX = 4 };
_Static_assert((int)CONFIRM_ROWS_MAX >= PAGES_MAX * AWS_EXECUTIONS_PAGE, "a page has no room");

/* One confirmation under way. */
struct work {
    const struct confirm_request *request;
    struct aws *aws; /* who asks; NULL: not known yet */
    struct aws *ourselves;
    struct aws role; /* the plan's, once it was assumed */
    struct aws_limit limit;
    struct confirm_question question;
    struct confirm_answer answer;
    struct error told; /* what stood against it when last asked */
    bool said;         /* the log knows that it takes a while */
};

bool confirm_wanted(const struct trigger *trigger, const struct plan_trigger *rules)
{
    return rules->verify &&
           (trigger->kind == TRIGGER_CODEPIPELINE || trigger->kind == TRIGGER_STAGE);
}

/* What no answer came to, as a refusal of the event: nothing was reached yet but AWS. */
static enum confirm_verdict unanswered(struct work *work, const char *operation, struct error *err)
{
    if (err->kind == ERROR_INTERRUPTED) {
        return CONFIRM_LATER;
    }
    if (err->kind != ERROR_UNREACHABLE && err->kind != ERROR_DENIED) {
        return CONFIRM_FALSE;
    }
    bool passing = err->kind == ERROR_UNREACHABLE || confirm_passing(err->code);
    confirm_advise(&work->question, err);
    err->kind = ERROR_REFUSED;
    error_wrap(err, "the event could not be confirmed: %s", operation);
    if (!*err->code) {
        error_code(err, "unanswered");
    }
    return passing ? CONFIRM_LATER : CONFIRM_FALSE;
}

static bool holds(const struct confirm_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (text_same(list->rows[i].id, id)) {
            return true;
        }
    }
    return false;
}

/* Page after page, as far as the event's own execution. */
static bool list(struct work *work, const char *stage, struct confirm_list *out_list,
                 struct error *err)
{
    const struct trigger *trigger = work->request->trigger;
    struct aws_execution_page page = {0};
    struct confirm_list found = {0};
    for (int pages = 0; pages < PAGES_MAX && !found.whole; pages++) {
        char token[AWS_EXECUTIONS_TOKEN_SIZE];
        text_copy(token, sizeof token, page.next_token);
        const struct aws_executions_query query = {.region = trigger->region,
                                                   .pipeline = trigger->pipeline,
                                                   .stage = stage,
                                                   .next_token = token};
        if (!aws_codepipeline_list(work->aws, &query, &work->limit, &page, err)) {
            return false;
        }
        memcpy(found.rows + found.count, page.rows, page.count * sizeof *page.rows);
        found.count += page.count;
        found.whole = !*page.next_token;
        if (holds(&found, trigger->execution_id)) {
            break;
        }
    }
    *out_list = found;
    return true;
}

static enum confirm_verdict ask_stage(struct work *work, struct error *err)
{
    const struct trigger *trigger = work->request->trigger;
    struct confirm_list found;
    return list(work, trigger->stage, &found, err)
               ? confirm_judge_stage(trigger, &found, err)
               : unanswered(work, "ListPipelineExecutions", err);
}

static enum confirm_verdict ask_newer(struct work *work, struct error *err)
{
    struct confirm_list found;
    return list(work, NULL, &found, err) ? confirm_judge_newer(work->request->trigger, &found, err)
                                         : unanswered(work, "ListPipelineExecutions", err);
}

/* Sees to who asks: we ourselves, or the role of the plan. What keeps us from becoming that may
 * pass like anything else. */
static enum confirm_verdict become(struct work *work, struct error *err)
{
    char session[AWS_ROLE_SESSION_SIZE];
    if (work->aws) {
        return CONFIRM_TRUE;
    }
    (void)snprintf(session, sizeof session, "postlude-%s", work->request->run_id);
    if (aws_assume_role(work->ourselves, work->question.role, session, &work->limit, &work->role,
                        err)) {
        work->aws = &work->role;
        return CONFIRM_TRUE;
    }
    if (err->kind == ERROR_INTERRUPTED) {
        return CONFIRM_LATER;
    }
    bool passing = err->kind == ERROR_UNREACHABLE;
    if (err->kind == ERROR_INVALID) {
        return CONFIRM_FALSE;
    }
    err->kind = ERROR_REFUSED;
    error_wrap(err, "the event could not be confirmed");
    if (!*err->code) {
        error_code(err, "unanswered");
    }
    return passing ? CONFIRM_LATER : CONFIRM_FALSE;
}

static enum confirm_verdict ask(struct work *work, struct error *err)
{
    const struct trigger *trigger = work->request->trigger;
    const struct aws_execution_query query = {.region = trigger->region,
                                              .pipeline = trigger->pipeline,
                                              .execution_id = trigger->execution_id};
    struct aws_execution execution;
    enum confirm_verdict verdict = become(work, err);
    if (verdict != CONFIRM_TRUE) {
        return verdict;
    }
    if (!aws_codepipeline_get(work->aws, &query, &work->limit, &execution, err)) {
        return unanswered(work, "GetPipelineExecution", err);
    }
    text_copy(work->answer.revision, sizeof work->answer.revision, execution.revision);
    verdict = confirm_judge_execution(trigger, &execution, err);
    if (verdict == CONFIRM_TRUE && confirm_needs_stage(trigger, &execution)) {
        verdict = ask_stage(work, err);
    }
    if (verdict == CONFIRM_TRUE && !execution.parallel) {
        verdict = ask_newer(work, err);
    }
    return verdict;
}

/* Whether the run itself has to end, rather than our patience. */
static bool interrupted(const struct confirm_request *request, struct error *err)
{
    bool stopped = stop_asked(request->stop);
    if (!stopped && !deadline_passed(request->deadline)) {
        return false;
    }
    error_set(err, ERROR_INTERRUPTED, "%s while asking CodePipeline about the event",
              stopped ? "told to stop" : "out of time");
    error_hint(err, "The database was not contacted. Another delivery, the schedule, or a run by "
                    "hand with --reason applies what is pending.");
    return true;
}

/* Refuses with what was told last; what CodePipeline itself says against the event has no code of
 * AWS. */
static bool told(const struct work *work, struct error *err)
{
    *err = work->told;
    if (err->kind == ERROR_REFUSED && !*err->code) {
        error_code(err, "unconfirmed");
    }
    return false;
}

/* A question cut off by our own patience tells nothing. */
static bool give_up(const struct work *work, struct error *err)
{
    if (work->told.kind != ERROR_NONE) {
        return told(work, err);
    }
    error_set(err, ERROR_REFUSED,
              "the event could not be confirmed: CodePipeline did not answer in time");
    error_code(err, "timeout");
    return error_hint(err, "Another delivery, the schedule, or a run by hand with --reason applies "
                           "what is pending.");
}

static void say_waiting(struct work *work)
{
    if (!work->said && !deadline_passed(work->limit.deadline)) {
        AUTO(buf) struct buf line = buf_make(256);
        buf_text(&line, "the event is not confirmed yet, asking again for up to ");
        text_show_duration(&line, deadline_left_ms(work->limit.deadline));
        log_trouble(LOG_INFO, line.data, &work->told);
        work->said = true;
    }
}

static bool ask_until_told(struct work *work, struct error *err)
{
    const struct confirm_request *request = work->request;
    int64_t pause_ms = request->pause_ms ? request->pause_ms : PAUSE_MS;
    int64_t most_ms = PAUSE_GROWTH * pause_ms;
    for (;; pause_ms *= pause_ms < most_ms ? 2 : 1) {
        struct error why = {0};
        enum confirm_verdict verdict = ask(work, &why);
        if (verdict == CONFIRM_TRUE) {
            return true;
        }
        if (why.kind != ERROR_INTERRUPTED) {
            work->told = why;
        }
        if (verdict == CONFIRM_FALSE) {
            return told(work, err);
        }
        say_waiting(work);
        (void)!wait_pause(pause_ms, work->limit.deadline, request->stop);
        if (interrupted(request, err)) {
            return false;
        }
        if (deadline_passed(work->limit.deadline)) {
            return give_up(work, err);
        }
    }
}

bool confirm_event(struct aws *aws, const struct confirm_request *request,
                   struct confirm_answer *out_answer, struct error *err)
{
    const struct trigger *trigger = request->trigger;
    const char *role = request->rules->assume_role.text;
    struct aws_endpoint endpoint;
    if (!confirm_judge_event(trigger, role, err) ||
        !aws_endpoint_find(aws->env, AWS_CODEPIPELINE, trigger->region, &endpoint, err)) {
        return false;
    }
    int64_t patience_ms = request->patience_ms ? request->patience_ms : PATIENCE_MS;
    struct work work = {
        .request = request,
        .limit = {.deadline = deadline_min(deadline_in(patience_ms), request->deadline),
                  .stop = request->stop},
        .aws = role ? NULL : aws,
        .ourselves = aws,
        .question = {.trigger = trigger, .role = role, .endpoint = &endpoint},
    };
    bool confirmed = ask_until_told(&work, err);
    if (confirmed) {
        *out_answer = work.answer;
    }
    aws_close(&work.role);
    return confirmed;
}

/* Internal to the room: what single values must look like. Pure. */
#ifndef POSTLUDE_PLAN_CHECKS_H
#define POSTLUDE_PLAN_CHECKS_H

#include <stdbool.h>

#include "plan/keys.h"

/* Each: true = fine, else *out_wrong says what is not. */
bool plan_check_plan(const char *text, struct plan_wrong *out_wrong);
bool plan_check_line(const char *text, struct plan_wrong *out_wrong);
bool plan_check_reason(const char *text, struct plan_wrong *out_wrong);
bool plan_check_account(const char *text, struct plan_wrong *out_wrong);
bool plan_check_host(const char *text, struct plan_wrong *out_wrong);
bool plan_check_role(const char *text, struct plan_wrong *out_wrong);
bool plan_check_name(const char *text, struct plan_wrong *out_wrong);
bool plan_check_secret(const char *text, struct plan_wrong *out_wrong);
bool plan_check_topic(const char *text, struct plan_wrong *out_wrong);
bool plan_check_query(const char *text, struct plan_wrong *out_wrong);
bool plan_check_id(const char *text, struct plan_wrong *out_wrong);

#endif

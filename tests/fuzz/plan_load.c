/* A plan's text, and then its values with variables that hold anything. */
#include <string.h>

#include "base/env.h"
#include "base/memory.h"
#include "plan/parse.h"
#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    AUTO(findings) struct findings findings = {0};
    AUTO(plan_entries) struct plan_entries entries = {0};
    AUTO(text) char *text = memory_text_n((const char *)data, size);
    AUTO(plan) struct plan *plan = plan_parse(text, size, "plan.yaml", &entries, &findings);
    if (plan) {
        char a[] = "A=a b\n$${B}";
        char b[] = "B=1h";
        char *variables[] = {a, b, NULL};
        AUTO(env) struct env *env = env_take(variables);
        unsigned all = PLAN_SECTION_TRIGGER | PLAN_SECTION_DATABASE | PLAN_SECTION_REPORT;
        plan_check_variables(plan, all, env, &findings);
        plan_expand(plan, all, env, &findings);
    }
    char checksum[7 + DIGEST_HEX_SIZE];
    plan_checksum(text, size, checksum);
    return 0;
}

#include "engine/admit.h"

#include "base/clock.h"
#include "sql/cases.h"

/*
 * A case is lines "NAME VALUE": kind and the trigger's fields (pipeline, stage, account, region,
 * time, ignored), and rules (pipelines, stages, accounts, regions, each VALUE one more item;
 * max_age in ms). "NAME" alone: the list is there and empty, the field is the empty text.
 * It is 2031-03-14T10:00:00Z.
 */
#define NOW_TEXT "2031-03-14T10:00:00Z"

enum { ITEMS_MAX = 4 };

struct world {
    struct trigger trigger;
    struct plan_trigger rules;
    struct plan_text items[4][ITEMS_MAX];
    char values[16][64];
};

static enum trigger_kind kind_named(const char *name)
{
    for (int i = TRIGGER_MANUAL; i <= TRIGGER_OTHER; i++) {
        if (text_same(trigger_name((enum trigger_kind)i), name)) {
            return (enum trigger_kind)i;
        }
    }
    fail_msg("unknown kind %s", name);
    return TRIGGER_MANUAL;
}

static bool take_field(struct world *world, const char *name, char *value)
{
    const struct {
        const char *name;
        char **field;
    } fields[] = {
        {"pipeline", &world->trigger.pipeline},
        {"stage", &world->trigger.stage},
        {"account", &world->trigger.account},
        {"region", &world->trigger.region},
    };
    for (size_t i = 0; i < COUNT(fields); i++) {
        if (strcmp(fields[i].name, name) == 0) {
            *fields[i].field = value;
            return true;
        }
    }
    return false;
}

static bool take_rule(struct world *world, const char *name, char *value)
{
    const struct {
        const char *name;
        struct plan_list *list;
    } lists[] = {
        {"pipelines", &world->rules.pipelines},
        {"stages", &world->rules.stages},
        {"accounts", &world->rules.accounts},
        {"regions", &world->rules.regions},
    };
    for (size_t i = 0; i < COUNT(lists); i++) {
        if (strcmp(lists[i].name, name) == 0) {
            struct plan_list *list = lists[i].list;
            list->present = true;
            list->items = world->items[i];
            if (*value) {
                list->items[list->count++].text = value;
            }
            return true;
        }
    }
    return false;
}

static void take_line(struct world *world, const char *name, char *value)
{
    if (take_field(world, name, value) || take_rule(world, name, value)) {
        return;
    }
    if (strcmp(name, "kind") == 0) {
        world->trigger.kind = kind_named(value);
    } else if (strcmp(name, "time") == 0) {
        assert_true(clock_parse(value, &world->trigger.time_ms));
    } else if (strcmp(name, "ignored") == 0) {
        world->trigger.ignored = value;
    } else {
        assert_string_equal(name, "max_age");
        assert_true(text_duration(value, &world->rules.max_age_ms));
    }
}

static void render(const char *title, const char *text, size_t length, struct buf *out)
{
    (void)title;
    (void)length;
    struct world world = {.trigger = {.time_ms = -1}, .rules = {.max_age_ms = -1}};
    for (size_t line = 0; *text; line++) {
        const char *next = text;
        size_t size = cases_line(text, &next);
        char name[64];
        (void)snprintf(name, sizeof name, "%.*s", (int)size, text);
        char *blank = strchr(name, ' ');
        text_copy(world.values[line], sizeof world.values[line], blank ? blank + 1 : "");
        if (blank) {
            *blank = '\0';
        }
        take_line(&world, name, world.values[line]);
        text = next;
    }
    int64_t now = 0;
    assert_true(clock_parse(NOW_TEXT, &now));
    AUTO(buf) struct buf why = buf_make(1024);
    enum admit_verdict verdict = ADMIT_RUN;
    struct error err;
    if (!engine_admit(&world.trigger, &world.rules, now, &verdict, &why, &err)) {
        assert_int_equal(err.kind, ERROR_REFUSED);
        buf_format(out, "refused: %s\n%s", err.message, err.hint);
    } else if (verdict == ADMIT_IGNORE) {
        buf_format(out, "ignored: %s", why.data);
    } else {
        assert_int_equal(why.length, 0);
        buf_text(out, "run");
    }
}

static void admits_as_the_data_files_say(void **state)
{
    (void)state;
    cases_run("admit", render);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admits_as_the_data_files_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "plan/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "plan/checks.h"

#define PLAN(member) (offsetof(struct plan, member) + 1)
#define ENTRY(member) (offsetof(struct plan_migration, member) + 1)
#define LONGEST (INT64_C(365) * 86400000)
/* lock_timeout and statement_timeout are 32 bit numbers of milliseconds in PostgreSQL. */
#define LONGEST_SETTING INT64_C(2147483647)

#define ASTRAY_LIMIT "Remove the line; the limit of a command is \"timeout\"."

static const char *const tls_words[] = {"verify-full", "verify-ca", "require", "disable", NULL};
static const char *const each_words[] = {"each", "all", NULL};
static const char *const when_words[] = {"changes", "always", "failures", NULL};
static const char *const format_words[] = {"json", "text", "chat", NULL};
static const char *const transaction_words[] = {"auto", "yes", "no", NULL};
static const char *const step_words[] = {"once", "every", NULL};

const struct plan_key plan_keys[] = {
    {"", "version", PLAN_TYPE_INTEGER, .required = true, .example = "1", .min = 1, .max = 1},
    {"", "plan", PLAN_TYPE_TEXT, .required = true, .example = "orders", .check = plan_check_plan,
     .value_at = PLAN(name)},
    {"", "trigger", PLAN_TYPE_SECTION, .required = false},
    {"", "database", PLAN_TYPE_SECTION, .required = true},
    {"", "run", PLAN_TYPE_SECTION, .required = false},
    {"", "report", PLAN_TYPE_SECTION, .required = false},
    {"", "migrations", PLAN_TYPE_ENTRIES, .required = true, .example = "[\"*.sql\"]"},

    {"trigger", "pipelines", PLAN_TYPE_LIST, .text_at = PLAN(trigger.pipelines)},
    {"trigger", "stages", PLAN_TYPE_LIST, .text_at = PLAN(trigger.stages)},
    {"trigger", "accounts", PLAN_TYPE_LIST, .text_at = PLAN(trigger.accounts),
     .check = plan_check_account},
    {"trigger", "regions", PLAN_TYPE_LIST, .text_at = PLAN(trigger.regions)},
    {"trigger", "max_age", PLAN_TYPE_DURATION, .text_at = PLAN(trigger.max_age_text),
     .value_at = PLAN(trigger.max_age_ms), .min = 1, .max = LONGEST},
    {"trigger", "verify", PLAN_TYPE_BOOLEAN, .fallback = "false",
     .text_at = PLAN(trigger.verify_text), .value_at = PLAN(trigger.verify)},
    {"trigger", "assume_role", PLAN_TYPE_TEXT, .text_at = PLAN(trigger.assume_role),
     .check = plan_check_role},

    {"database", "host", PLAN_TYPE_TEXT, .login = true, .example = "${DB_HOST}",
     .text_at = PLAN(database.host), .check = plan_check_host},
    {"database", "port", PLAN_TYPE_INTEGER, .fallback = "5432", .text_at = PLAN(database.port_text),
     .value_at = PLAN(database.port), .min = 1, .max = 65535},
    {"database", "name", PLAN_TYPE_TEXT, .login = true, .example = "orders",
     .text_at = PLAN(database.name), .check = plan_check_name},
    {"database", "user", PLAN_TYPE_TEXT, .login = true, .example = "migrator",
     .text_at = PLAN(database.user), .check = plan_check_name},
    {"database", "password", PLAN_TYPE_SECRET, .login = true, .example = "${DB_PASSWORD}",
     .text_at = PLAN(database.password_text), .value_at = PLAN(database.password)},
    {"database", "secret", PLAN_TYPE_TEXT, .login = true, .text_at = PLAN(database.secret),
     .check = plan_check_secret},
    {"database", "iam", PLAN_TYPE_BOOLEAN, .fallback = "false", .text_at = PLAN(database.iam_text),
     .value_at = PLAN(database.iam)},
    {"database", "tls", PLAN_TYPE_WORD, .fallback = "verify-full", .words = tls_words,
     .text_at = PLAN(database.tls_text), .value_at = PLAN(database.tls)},
    {"database", "ca_file", PLAN_TYPE_TEXT, .fallback = "/etc/ssl/certs/ca-certificates.crt",
     .text_at = PLAN(database.ca_file), .check = plan_check_line},
    {"database", "schema", PLAN_TYPE_TEXT, .fallback = "public", .text_at = PLAN(database.schema),
     .check = plan_check_line},
    {"database", "role", PLAN_TYPE_TEXT, .text_at = PLAN(database.role), .check = plan_check_line},
    {"database", "connect_timeout", PLAN_TYPE_DURATION, .fallback = "10s",
     .text_at = PLAN(database.connect_timeout_text), .value_at = PLAN(database.connect_timeout_ms),
     .min = 1, .max = LONGEST},
    {"database", "wait", PLAN_TYPE_DURATION, .fallback = "60s", .text_at = PLAN(database.wait_text),
     .value_at = PLAN(database.wait_ms), .max = LONGEST},

    {"run", "transaction", PLAN_TYPE_WORD, .fallback = "each", .words = each_words,
     .value_at = PLAN(run.transaction)},
    {"run", "lock_wait", PLAN_TYPE_DURATION, .fallback = "10m", .value_at = PLAN(run.lock_wait_ms),
     .max = LONGEST},
    {"run", "lock_timeout", PLAN_TYPE_DURATION, .fallback = "3s",
     .value_at = PLAN(run.lock_timeout_ms), .max = LONGEST_SETTING},
    {"run", "statement_timeout", PLAN_TYPE_DURATION, .fallback = "15m",
     .value_at = PLAN(run.statement_timeout_ms), .max = LONGEST_SETTING},
    {"run", "retries", PLAN_TYPE_INTEGER, .fallback = "10", .value_at = PLAN(run.retries),
     .max = 1000},
    {"run", "deadline", PLAN_TYPE_DURATION, .fallback = "1h", .value_at = PLAN(run.deadline_ms),
     .min = 1, .max = LONGEST},

    {"report", "topic", PLAN_TYPE_TEXT, .text_at = PLAN(report.topic), .check = plan_check_topic},
    {"report", "when", PLAN_TYPE_WORD, .fallback = "changes", .words = when_words,
     .text_at = PLAN(report.when_text), .value_at = PLAN(report.when)},
    {"report", "format", PLAN_TYPE_WORD, .fallback = "json", .words = format_words,
     .text_at = PLAN(report.format_text), .value_at = PLAN(report.format)},
    {"report", "details", PLAN_TYPE_BOOLEAN, .fallback = "false",
     .text_at = PLAN(report.details_text), .value_at = PLAN(report.details)},
    {"report", "subject", PLAN_TYPE_TEXT, .text_at = PLAN(report.subject)},

    {"migrations", "file", PLAN_TYPE_TEXT, PLAN_SIDE_FILE, .required = true,
     .value_at = ENTRY(file)},
    {"migrations", "id", PLAN_TYPE_TEXT, .value_at = ENTRY(id), .check = plan_check_id},
    {"migrations", "transaction", PLAN_TYPE_WORD, PLAN_SIDE_FILE, .fallback = "auto",
     .words = transaction_words, .value_at = ENTRY(transaction),
     .astray = "Remove the line; a command makes its own transactions."},
    {"migrations", "lock_timeout", PLAN_TYPE_DURATION, PLAN_SIDE_FILE,
     .value_at = ENTRY(lock_timeout_ms), .max = LONGEST_SETTING, .astray = ASTRAY_LIMIT},
    {"migrations", "statement_timeout", PLAN_TYPE_DURATION, PLAN_SIDE_FILE,
     .value_at = ENTRY(statement_timeout_ms), .max = LONGEST_SETTING, .astray = ASTRAY_LIMIT},
    {"migrations", "retries", PLAN_TYPE_INTEGER, PLAN_SIDE_FILE, .value_at = ENTRY(retries),
     .max = 1000, .astray = "Remove the line; a run starts a command once."},
    {"migrations", "verify", PLAN_TYPE_TEXT, .value_at = ENTRY(verify), .check = plan_check_query},
    {"migrations", "out_of_order", PLAN_TYPE_TEXT, .value_at = ENTRY(out_of_order),
     .check = plan_check_reason},
    {"migrations", "command", PLAN_TYPE_COMMAND, PLAN_SIDE_COMMAND, .required = true,
     .value_at = ENTRY(command)},
    {"migrations", "when", PLAN_TYPE_EITHER, PLAN_SIDE_COMMAND, .fallback = "once",
     .words = step_words, .value_at = ENTRY(every),
     .astray = "Remove the line; an SQL file runs once."},
    {"migrations", "dir", PLAN_TYPE_TEXT, PLAN_SIDE_COMMAND, .value_at = ENTRY(dir),
     .check = plan_check_line, .astray = "Remove the line; SQL runs in no folder."},
    {"migrations", "timeout", PLAN_TYPE_DURATION, PLAN_SIDE_COMMAND, .value_at = ENTRY(timeout_ms),
     .min = 1, .max = LONGEST,
     .astray = "Write \"statement_timeout\", which limits each statement of the file."},
};

const size_t plan_key_count = COUNT(plan_keys);

/* What other tools call it. */
static const struct {
    const char *section, *foreign, *ours;
} synonyms[] = {
    {"database", "username", "user"},
    {"database", "dbname", "name"},
    {"database", "database", "name"},
    {"database", "hostname", "host"},
    {"database", "endpoint", "host"},
    {"database", "sslmode", "tls"},
    {"database", "ssl", "tls"},
    {"database", "sslrootcert", "ca_file"},
    {"database", "search_path", "schema"},
    {"database", "timeout", "connect_timeout"},
    {"database", "pass", "password"},
    {"database", "secret_arn", "secret"},
    {"database", "iam_auth", "iam"},
    {"trigger", "pipeline", "pipelines"},
    {"run", "timeout", "deadline"},
    {"report", "arn", "topic"},
    {"report", "topic_arn", "topic"},
    {"report", "sns", "topic"},
    {"migrations", "path", "file"},
    {"migrations", "sql", "file"},
    {"migrations", "name", "id"},
    {"migrations", "cmd", "command"},
    {"", "name", "plan"},
    {"", "db", "database"},
    {"", "files", "migrations"},
};

const struct plan_key *plan_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < COUNT(plan_keys); i++) {
        if (strcmp(plan_keys[i].section, section) == 0 && strcmp(plan_keys[i].name, name) == 0) {
            return &plan_keys[i];
        }
    }
    return NULL;
}

unsigned plan_key_expands(const struct plan_key *key)
{
    static const struct {
        const char *section;
        unsigned bit;
    } bits[] = {{"trigger", PLAN_SECTION_TRIGGER},
                {"database", PLAN_SECTION_DATABASE},
                {"report", PLAN_SECTION_REPORT}};
    for (size_t i = 0; i < COUNT(bits); i++) {
        if (strcmp(bits[i].section, key->section) == 0) {
            return bits[i].bit;
        }
    }
    return 0;
}

static const char *find_synonym(const char *section, const char *name)
{
    for (size_t i = 0; i < COUNT(synonyms); i++) {
        if (strcmp(synonyms[i].section, section) == 0 && strcmp(synonyms[i].foreign, name) == 0) {
            return synonyms[i].ours;
        }
    }
    return NULL;
}

/* Where else this very name is a key: '"run"', 'the top level', ...; empty when nowhere. */
static void add_homes(struct buf *out, const char *name)
{
    for (size_t i = 0; i < COUNT(plan_keys); i++) {
        if (strcmp(plan_keys[i].name, name) != 0) {
            continue;
        }
        const char *section = plan_keys[i].section;
        buf_text(out, out->length ? " or " : "");
        if (!*section) {
            buf_text(out, "the top level");
        } else {
            buf_format(out, strcmp(section, "migrations") == 0 ? "an entry of \"%s\"" : "\"%s\"",
                       section);
        }
    }
}

static void add_names(struct buf *out, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_text(out, i == 0 ? "" : i + 1 == count ? " and " : ", ");
        buf_text(out, names[i]);
    }
}

void plan_key_unknown(const char *section, const char *name, const struct plan_spot *spot)
{
    const char *names[COUNT(plan_keys)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(plan_keys); i++) {
        if (strcmp(plan_keys[i].section, section) == 0) {
            names[count++] = plan_keys[i].name;
        }
    }
    AUTO(text) char *shown = plan_shown(name);
    struct finding *fresh = plan_error(
        spot, *section ? "unknown key \"%s\" in \"%s\"" : "unknown key \"%s\"%s", shown, section);
    AUTO(buf) struct buf homes = buf_make(1000);
    add_homes(&homes, name);
    const char *synonym = find_synonym(section, name);
    const char *nearest = synonym ? synonym : text_nearest(name, names, count);
    if (synonym || (nearest && !homes.length)) {
        finding_hint(fresh, "Did you mean \"%s\"?", nearest);
    } else if (homes.length) {
        finding_hint(fresh, "It belongs to %s.", homes.data);
    } else {
        buf_text(&homes, "The keys here are ");
        add_names(&homes, names, count);
        finding_hint(fresh, "%s.", homes.data);
    }
}

struct plan_key_name plan_key_name(const struct plan_key *key)
{
    struct plan_key_name name;
    (void)snprintf(name.text, sizeof name.text, "\"%s%s%s\"", key->section,
                   *key->section ? "." : "", key->name);
    return name;
}

#include "plan/checksum.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "plan/plan.h"

const char *plan_without_bom(const char *text, size_t *length)
{
    if (*length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        *length -= 3;
        return text + 3;
    }
    return text;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t plan_trimmed(const char *text, size_t length)
{
    while (length && is_blank(text[length - 1])) {
        length--;
    }
    return length;
}

void plan_digest_text(struct digest *digest, char out_text[7 + DIGEST_HEX_SIZE])
{
    unsigned char bytes[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    digest_end(digest, bytes);
    digest_hex(bytes, hex);
    (void)snprintf(out_text, 7 + DIGEST_HEX_SIZE, "sha256:%s", hex);
}

void plan_checksum(const char *text, size_t length, char out_checksum[7 + DIGEST_HEX_SIZE])
{
    const char *at = plan_without_bom(text, &length);
    const char *end = at + plan_trimmed(at, length);
    struct digest *digest = digest_begin();
    while (at < end) {
        const char *found = memchr(at, '\r', (size_t)(end - at));
        const char *line_end = found ? found : end;
        digest_add(digest, at, (size_t)(line_end - at));
        at = line_end;
        if (found) {
            /* What is left behind it is more than line ends, so that at[1] is there. */
            digest_add(digest, "\n", 1);
            at += at[1] == '\n' ? 2 : 1;
        }
    }
    plan_digest_text(digest, out_checksum);
}

/* What probably wrote it, by its first two bytes: PowerShell's ">" writes UTF-16. */
static const char *likely_encoding(const char *text, size_t length)
{
    bool wide =
        length >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0);
    return wide ? "UTF-16" : "WINDOWS-1252";
}

bool plan_check_sql(const char *text, size_t length, const struct plan_spot *spot)
{
    const char *start = plan_without_bom(text, &length);
    struct plan_spot at = *spot;
    if (length >= 5 && memcmp(start, "PGDMP", 5) == 0) {
        finding_hint(plan_error(&at, "file is a dump in pg_dump's custom format"),
                     "Dump it as plain SQL: pg_dump --format=plain.");
        return false;
    }
    size_t bad = text_bad_utf8(start, length);
    if (bad < length) {
        text_position(start, length, bad, &at.line, &at.column);
        struct finding *fresh =
            plan_error(&at, "file is not UTF-8: byte 0x%02X", (unsigned)(unsigned char)start[bad]);
        finding_hint(fresh, "Convert it, for example by iconv -f %s -t UTF-8.",
                     likely_encoding(start, length));
        return false;
    }
    const char *nul = memchr(start, '\0', length);
    if (nul) {
        text_position(start, length, (size_t)(nul - start), &at.line, &at.column);
        finding_hint(plan_error(&at, "file holds a NUL byte"),
                     "PostgreSQL text has none; save the file as UTF-8 text.");
        return false;
    }
    return true;
}

bool plan_read_sql(const struct plan_migration *migration, char **out_text, size_t *out_length,
                   struct error *err)
{
    AUTO(buf) struct buf text = buf_make(PLAN_SQL_MAX);
    if (!file_read(migration->path, &text, err)) {
        return error_where(err, "%s", migration->file);
    }
    char checksum[7 + DIGEST_HEX_SIZE];
    plan_checksum(text.data, text.length, checksum);
    if (strcmp(checksum, migration->checksum) != 0) {
        error_set(err, ERROR_INVALID, "file was changed while the plan was being run");
        error_where(err, "%s", migration->file);
        return error_hint(err, "Run again when nothing writes to the plan's folder any more.");
    }
    size_t length = text.length;
    size_t bom = (size_t)(plan_without_bom(text.data, &length) - text.data);
    char *taken = buf_take(&text);
    memmove(taken, taken + bom, length + 1);
    *out_text = taken;
    *out_length = length;
    return true;
}

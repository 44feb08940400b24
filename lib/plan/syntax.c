#include "plan/syntax.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* Where a byte is; a BOM takes no column. */
static struct plan_spot spot_of(const char *text, size_t length, size_t offset,
                                const struct plan_spot *spot)
{
    size_t bom = text_starts(text, "\xEF\xBB\xBF") && offset >= 3 ? 3 : 0;
    struct plan_spot at = *spot;
    text_position(text + bom, length - bom, offset - bom, &at.line, &at.column);
    return at;
}

/* A tab in front of a line's first character is indentation, which libyaml cannot read either. */
static bool indents(const char *text, size_t offset)
{
    while (offset > 0 && (text[offset - 1] == ' ' || text[offset - 1] == '\t')) {
        offset--;
    }
    return offset == 0 || text[offset - 1] == '\n' || text[offset - 1] == '\r';
}

/* One finding for them all: a file indented with tabs is one mistake, not five hundred. */
static bool check_tabs(const char *text, size_t length, const struct plan_spot *spot)
{
    const char *first = memchr(text, '\t', length);
    if (!first) {
        return true;
    }
    bool fatal = false;
    size_t lines = 0;
    const char *end = text + length;
    for (const char *at = first; at; lines++) {
        fatal = fatal || indents(text, (size_t)(at - text));
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        at = line_end ? memchr(line_end, '\t', (size_t)(end - line_end)) : NULL;
    }
    struct plan_spot at = spot_of(text, length, (size_t)(first - text), spot);
    struct finding *fresh = plan_error(&at, "tab character");
    if (lines > 1) {
        finding_hint(fresh, "Use spaces; tabs are in %zu lines.", lines);
    } else {
        finding_hint(fresh, "Use spaces.");
    }
    return !fatal;
}

bool plan_syntax_bytes(const char *text, size_t length, const struct plan_spot *spot)
{
    size_t bad = text_bad_utf8(text, length);
    if (bad < length) {
        struct plan_spot at = spot_of(text, length, bad, spot);
        struct finding *fresh =
            plan_error(&at, "plan is not UTF-8: byte 0x%02X", (unsigned)(unsigned char)text[bad]);
        finding_hint(fresh, "Save the file as UTF-8.");
        return false;
    }
    const char *nul = memchr(text, '\0', length);
    if (nul) {
        struct plan_spot at = spot_of(text, length, (size_t)(nul - text), spot);
        finding_hint(plan_error(&at, "plan holds a NUL byte"), "Save the file as UTF-8 text.");
        return false;
    }
    return check_tabs(text, length, spot);
}

static const char *mark_at(yaml_mark_t mark, const char *text, size_t length)
{
    const char *end = text + length;
    const char *at = text_starts(text, "\xEF\xBB\xBF") ? text + 3 : text;
    for (size_t line = 0; line < mark.line && at < end; at++) {
        line += *at == '\n' || (*at == '\r' && at[1] != '\n');
    }
    for (size_t column = 0; column < mark.column && at < end; column++) {
        at += text_sequence(at, (size_t)(end - at));
    }
    return at;
}

void plan_syntax_alias(yaml_mark_t mark, const char *text, size_t length,
                       const struct plan_spot *spot)
{
    struct plan_spot at = plan_spot_at(spot, (unsigned)mark.line + 1, (unsigned)mark.column + 1);
    const char *start = mark_at(mark, text, length);
    AUTO(text) char *word = memory_text_n(start, strcspn(start, " \t\r\n,]}#\""));
    AUTO(text) char *shown = plan_shown(word);
    struct finding *fresh = plan_error(&at, "an unquoted \"*\" starts a YAML alias");
    /* Anything but a glob for files might be a password. */
    if (text_ends(word, ".sql")) {
        finding_hint(fresh, "Quote the glob: \"%s\".", shown);
    } else {
        finding_hint(fresh, "Quote a value that starts with \"*\"; aliases are not allowed.");
    }
}

/* libyaml's words, and ours. The first row that fits is taken; NULL fits all. */
static const struct known {
    const char *context, *problem;
    bool at_context; /* where it began says more than where it was noticed */
    const char *message, *hint;
} table[] = {
    {"while scanning an anchor", NULL, true, "an unquoted \"&\" starts a YAML anchor",
     "Quote a value that starts with \"&\"; anchors are not allowed."},
    {"while scanning a tag", NULL, true, "an unquoted \"!\" starts a YAML tag",
     "Quote a value that starts with \"!\"; tags are not allowed."},
    {NULL, "found undefined tag handle", false, "an unquoted \"!\" starts a YAML tag",
     "Quote a value that starts with \"!\"; tags are not allowed."},
    {NULL, "mapping values are not allowed in this context", false,
     "\":\" starts a second value here",
     "Is a colon missing in the line above? Check the indentation, and quote a value that holds a "
     "colon and a blank."},
    {"while scanning a simple key", NULL, true, "key without a colon",
     "Write \"key: value\", with a blank after the colon."},
    {NULL, "found character that cannot start any token", false,
     "a value cannot start with this character", "Put the value into quotes."},
    {"while scanning a quoted scalar", "found unexpected end of stream", true,
     "quoted text is not closed", "Add the closing quote."},
    {"while scanning a quoted scalar", "found unexpected document indicator", true,
     "quoted text is not closed", "Add the closing quote."},
    {"while parsing a quoted scalar", NULL, false, "unknown escape in double quotes",
     "Use single quotes, in which a backslash is an ordinary character."},
    {"while parsing a flow sequence", NULL, true, "list in brackets is not closed",
     "Close it with \"]\", and quote each value that holds one of {}[],: as in [\"${NAME}\"]."},
    {"while parsing a flow mapping", NULL, true, "mapping in braces is not closed",
     "Close it with \"}\"; quote a value that starts with a brace."},
    {"while parsing a block mapping", NULL, false, "expected a key",
     "Check the indentation: keys that belong together start in the same column."},
    {"while parsing a block collection", NULL, false, "expected \"- \" and a list entry",
     "Check the indentation: entries of a list start in the same column."},
    {NULL, "block sequence entries are not allowed in this context", false,
     "a list cannot start here", "Start the list on the next line, each entry behind \"- \"."},
    {NULL, "control characters are not allowed", false, "control character",
     "Remove it; in double quotes it can be written as an escape."},
};

static const struct known *find(const yaml_parser_t *parser)
{
    for (size_t i = 0; i < COUNT(table); i++) {
        const struct known *row = &table[i];
        if ((!row->context || text_same(row->context, parser->context)) &&
            (!row->problem || text_same(row->problem, parser->problem))) {
            return row;
        }
    }
    return NULL;
}

void plan_syntax_error(const yaml_parser_t *parser, const char *text, size_t length,
                       const struct plan_spot *spot)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        memory_die();
    }
    if (text_same(parser->context, "while scanning an alias")) {
        plan_syntax_alias(parser->context_mark, text, length, spot);
        return;
    }
    const struct known *row = find(parser);
    yaml_mark_t mark = row && row->at_context ? parser->context_mark : parser->problem_mark;
    struct plan_spot at = plan_spot_at(spot, (unsigned)mark.line + 1, (unsigned)mark.column + 1);
    if (parser->error == YAML_READER_ERROR) {
        at = spot_of(text, length, parser->problem_offset, spot);
    }
    if (row) {
        finding_hint(plan_error(&at, "%s", row->message), "%s", row->hint);
    } else {
        plan_error(&at, "YAML error%s%s: %s", parser->context ? " " : "",
                   parser->context ? parser->context : "", parser->problem);
    }
}

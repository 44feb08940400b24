#include "aws/ini.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

static const char blanks[] = " \t";

/* Where reading stands. */
struct reading {
    struct aws_ini *ini;
    const char *section;
    size_t section_at; /* index of its line */
    unsigned number;
    size_t indent; /* of the last key */
    bool keyed;    /* the section has a key */
};

static bool refuse(struct error *err, unsigned number, const char *what)
{
    error_set(err, ERROR_INVALID, "%s", what);
    error_where(err, "line %u", number);
    return error_hint(err, "A section reads [name], an entry key = value, a comment begins with "
                           "#.");
}

static char *trim(char *text)
{
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1])) {
        length--;
    }
    text[length] = '\0';
    return text;
}

/* A # or ; behind a blank begins a comment; inside a word it is part of it. */
static void cut_comment(char *text)
{
    for (char *at = text; *at; at++) {
        if (strchr(blanks, *at) && (at[1] == '#' || at[1] == ';')) {
            *at = '\0';
            return;
        }
    }
}

static bool add(struct reading *reading, const char *key, const char *value, struct error *err)
{
    struct aws_ini *ini = reading->ini;
    if (ini->count >= AWS_INI_LINES_MAX) {
        return refuse(err, reading->number, "more entries than any such file has");
    }
    ini->lines = memory_push(ini->lines, ini->count, &ini->capacity, sizeof *ini->lines);
    ini->lines[ini->count++] = (struct aws_ini_line){
        .number = reading->number, .section = reading->section, .key = key, .value = value};
    return true;
}

/* Takes quotes from around the name, and all but one of the blanks before it. */
static void normalize(char *name)
{
    static const char kind[] = "profile";
    char *rest = name + strlen(kind);
    if (!text_starts(name, kind) || !*rest || !strchr(blanks, *rest)) {
        return;
    }
    rest += strspn(rest, blanks);
    size_t length = strlen(rest);
    if (length >= 2 && strchr("\"'", *rest) && rest[length - 1] == *rest) {
        rest++;
        length -= 2;
    }
    name[strlen(kind)] = ' ';
    memmove(name + strlen(kind) + 1, rest, length);
    name[strlen(kind) + 1 + length] = '\0';
}

static bool begin_section(struct reading *reading, char *line, struct error *err)
{
    char *end = strchr(line, ']');
    char *behind = end ? end + 1 + strspn(end + 1, blanks) : NULL;
    if (!end || (*behind && *behind != '#' && *behind != ';')) {
        return refuse(err, reading->number, "a section that is not closed by ]");
    }
    *end = '\0';
    char *name = trim(line + 1);
    normalize(name);
    if (!*name) {
        return refuse(err, reading->number, "a section without a name");
    }
    if (aws_ini_has(reading->ini, name)) {
        return refuse(err, reading->number, "a section that was there before");
    }
    reading->section = name;
    reading->section_at = reading->ini->count;
    reading->keyed = false;
    return add(reading, NULL, NULL, err);
}

static bool is_twice(const struct reading *reading, const char *key)
{
    for (size_t i = reading->section_at + 1; i < reading->ini->count; i++) {
        if (strcasecmp(reading->ini->lines[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static bool add_entry(struct reading *reading, char *line, struct error *err)
{
    char *mark = line + strcspn(line, "=:");
    if (!*mark || mark == line) {
        return refuse(err, reading->number, "neither a section nor an entry");
    }
    if (!reading->section) {
        return refuse(err, reading->number, "an entry before any section");
    }
    *mark = '\0';
    cut_comment(mark + 1);
    const char *key = trim(line);
    if (is_twice(reading, key)) {
        return refuse(err, reading->number, "a key that its section has already");
    }
    reading->keyed = true;
    return add(reading, key, trim(mark + 1), err);
}

static bool read_line(struct reading *reading, char *line, struct error *err)
{
    size_t length = strlen(line);
    if (length > 0 && line[length - 1] == '\r') {
        line[length - 1] = '\0';
    }
    size_t indent = strspn(line, blanks);
    char *start = line + indent;
    if (!*start || *start == '#' || *start == ';') {
        return true;
    }
    if (reading->keyed && indent > reading->indent) {
        return true;
    }
    if (*start == '[') {
        return begin_section(reading, start, err);
    }
    reading->indent = indent;
    return add_entry(reading, start, err);
}

bool aws_ini_parse(struct buf *text, struct aws_ini *out_ini, struct error *err)
{
    AUTO(aws_ini) struct aws_ini ini = {.text = *text};
    *text = (struct buf){0};
    struct reading reading = {.ini = &ini};
    if (strlen(ini.text.data) != ini.text.length) {
        return refuse(err, 1, "a NUL byte: this is no text");
    }
    char *rest = ini.text.data + (text_starts(ini.text.data, "\xEF\xBB\xBF") ? 3 : 0);
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        reading.number++;
        if (!read_line(&reading, line, err)) {
            return false;
        }
    }
    *out_ini = ini;
    ini = (struct aws_ini){0};
    return true;
}

bool aws_ini_has(const struct aws_ini *ini, const char *section)
{
    for (size_t i = 0; i < ini->count; i++) {
        if (!ini->lines[i].key && strcmp(ini->lines[i].section, section) == 0) {
            return true;
        }
    }
    return false;
}

const char *aws_ini_get(const struct aws_ini *ini, const char *section, const char *key)
{
    for (size_t i = 0; i < ini->count; i++) {
        const struct aws_ini_line *line = &ini->lines[i];
        if (line->key && strcmp(line->section, section) == 0 && strcasecmp(line->key, key) == 0) {
            return line->value;
        }
    }
    return NULL;
}

void aws_ini_clear(struct aws_ini *ini)
{
    buf_wipe(&ini->text);
    free(ini->lines);
    *ini = (struct aws_ini){0};
}

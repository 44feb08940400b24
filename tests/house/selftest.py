"""Plants an offence against each rule of the house tests, and sees it caught."""

import os
import subprocess
import sys
import tempfile
import unittest

import csource
import hygiene
import layout
import readme
import report
import rooms
import style
import table
import tidy

HOUSE = os.path.dirname(os.path.abspath(__file__))

TABLE = '''
rooms = [
  ['base', [], [jansson, libcrypto], ['buf.c', 'text.c']], # a comment, with 'quotes' and ]
  ['sql', ['base'], [],
    ['split.c'],],
  ['pg', ['base'], [libpq], ['open.c']],
  ['ledger', ['pg'], [], ['read.c'], [made]],
]
room = {}
'''

HEADER = '/* What it is for. */\n#ifndef POSTLUDE_SQL_SQL_H\n#define POSTLUDE_SQL_SQL_H\n{}#endif\n'


class Folder(unittest.TestCase):
    """A temporary project."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='postlude-house-')
        self.addCleanup(holder.cleanup)
        self.root = holder.name

    def put(self, name, text):
        """Writes a file of the project."""
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def run_test(self, name, *arguments):
        """Runs a house test as meson does: (exit code, output)."""
        done = subprocess.run([sys.executable, '-B', os.path.join(HOUSE, name), self.root,
                               *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class TableTest(unittest.TestCase):
    """The table of rooms."""

    def test_reads_rows(self):
        found = table.rooms(TABLE)
        self.assertEqual([room.name for room in found], ['base', 'sql', 'pg', 'ledger'])
        self.assertEqual(found[1].needs, ['base'])
        self.assertEqual(found[0].files, ['buf.c', 'text.c'])

    def test_reaches_through_rooms(self):
        self.assertEqual(table.reach(table.rooms(TABLE), 'ledger'), {'ledger', 'pg', 'base'})

    def test_refuses_what_is_no_table(self):
        for bad in ['', 'rooms = [', "rooms = [['a', [], []]]", "rooms = ['a']",
                    "rooms = [['a', ['b'], [], []], ['b', [], [], []]]",
                    "rooms = [['a', [], [], files('x')]]"]:
            with self.assertRaises(ValueError, msg=bad):
                table.rooms(bad)


class RoomsTest(Folder):
    """Includes, and purity."""

    def caught(self, name, text):
        """(line, rule) of each finding when this file stands among the others."""
        self.put('lib/meson.build', TABLE)
        self.put(name, text)
        found = list(rooms.includes(self.root, table.rooms(TABLE), [name]))
        found += rooms.unbuilt(table.rooms(TABLE), [name])
        return [(finding.line, finding.rule) for finding in found]

    def test_lets_pass_what_the_table_allows(self):
        for name, text in [('lib/sql/split.c', '#include "base/text.h"\n#include "sql/sql.h"\n'),
                           ('lib/ledger/read.c', '#include "base/text.h"\n#include "pg/pg.h"\n'),
                           ('lib/pg/open.c', '#include <libpq-fe.h>\n#include "pg/internal.h"\n'),
                           ('cmd/main.c', '#include "ledger/ledger.h"\n#include "cmd/verbs.h"\n'),
                           ('lib/later/later.h', '#include "base/text.h"\n'),
                           ('lib/sql/split.c', '#include <string.h>\n')]:
            self.assertEqual(self.caught(name, text), [], name)

    def test_catches_a_room_that_is_not_named(self):
        self.assertEqual(self.caught('lib/sql/split.c', '\n#include "pg/pg.h"\n'),
                         [(2, 'include')])
        self.assertEqual(self.caught('lib/base/text.c', '#  include "sql/sql.h"\n'),
                         [(1, 'include')])

    def test_catches_a_way_around(self):
        for text in ['#include "../pg/pg.h"\n', '#include "cmd/verbs.h"\n', '#include <pg/pg.h>\n']:
            self.assertEqual(self.caught('lib/sql/split.c', text), [(1, 'include')], text)
        self.assertEqual(self.caught('lib/ledger/read.c', '#include "pg/internal.h"\n'),
                         [(1, 'include')])

    def test_catches_a_library_outside_its_room(self):
        for header in ['libpq-fe.h', 'libpq/libpq-fs.h', 'curl/curl.h', 'yaml.h']:
            for name in ['lib/sql/split.c', 'lib/ledger/read.c', 'cmd/main.c']:
                self.assertEqual(self.caught(name, f'#include <{header}>\n'), [(1, 'include')])

    def test_catches_a_source_that_nothing_builds(self):
        self.assertEqual(self.caught('lib/sql/lost.c', ''), [(1, 'table')])
        self.assertEqual(self.caught('lib/later/later.c', ''), [(1, 'table')])

    def compiled(self, text, *flags):
        """The impure symbols of a source."""
        self.put('x.c', text)
        target = os.path.join(self.root, 'x.o')
        subprocess.run(['cc', '-D_GNU_SOURCE', '-w', '-c', '-o', target, *flags,
                        os.path.join(self.root, 'x.c')], check=True)
        return sorted(rooms.impure_symbols(target))

    def test_catches_what_is_not_pure(self):
        calls = {'time': 'time_t t = time(0); (void)t;', 'getenv': '(void)getenv("A");',
                 'fopen': '(void)fopen("a", "r");', 'read': 'char c; (void)read(0, &c, 1);',
                 'socket': '(void)socket(1, 1, 0);', 'clock_gettime': 'clock_gettime(0, 0);',
                 'stat': 'struct stat s; (void)stat("a", &s);', 'getpid': '(void)getpid();',
                 'opendir': '(void)opendir(".");', 'rand': '(void)rand();'}
        head = ''.join(f'#include <{name}.h>\n' for name in ['dirent', 'fcntl', 'stdio', 'stdlib',
                                                             'sys/socket', 'sys/stat', 'time',
                                                             'unistd'])
        for symbol, call in calls.items():
            text = f'{head}void f(void);\nvoid f(void) {{ {call} }}\n'
            self.assertEqual(self.compiled(text), [symbol])
        text = head + 'long f(char *b, size_t n) { return read(0, b, n) + open(b, (int)n); }'
        self.assertEqual(self.compiled(text, '-O2', '-D_FORTIFY_SOURCE=2', '-D_FILE_OFFSET_BITS=64'),
                         ['__open64_2', 'read'])
        for ours in ['clock_wall_ms', 'file_read', 'log_write', 'wait_fd', 'env_conceal']:
            self.assertEqual(self.compiled(f'int {ours}(void); int f(void) {{ return {ours}(); }}'),
                             [ours])

    def test_lets_pass_what_is_pure(self):
        text = '''#include <string.h>
            #include <stdio.h>
            #include <stdlib.h>
            int clock_parse(const char *);
            int f(char *a, const char *b) {
                char c[9]; snprintf(c, 9, "%s", b); free(a);
                return clock_parse(b) + strcmp(a, c) + (int)strlen(b); }'''
        self.assertEqual(self.compiled(text, '-O2', '-D_FORTIFY_SOURCE=2'), [])

    def test_runs_as_a_test(self):
        self.put('lib/meson.build', TABLE)
        self.put('lib/sql/split.c', '#include "pg/pg.h"\n')
        code, said = self.run_test('rooms.py')
        self.assertEqual(code, 1)
        self.assertIn('lib/sql/split.c:1: room "sql" does not stand on "pg" [include]', said)
        self.put('lib/sql/split.c', '#include "base/text.h"\n')
        self.assertEqual(self.run_test('rooms.py')[0], 0)

    def test_an_empty_project_fails(self):
        self.put('lib/meson.build', TABLE)
        self.assertEqual(self.run_test('rooms.py')[0], 1)


class SourceTest(unittest.TestCase):
    """The tokenizer: brackets in strings, comments and macros."""

    def test_sees_functions(self):
        found = csource.tokens('''
            /* int not_this(void) { } */
            #define NOR_THIS(a) int a(void) { }
            static const int table[] = {f(1), 2};
            struct pair { int (*call)(int, int); char brace; };
            enum kind { ONE, TWO };
            typedef int callback(int a, int b);
            int declared(int a, char *b, ...) PRINTF(2, 3);
            void *with_attribute(size_t a) __attribute__((malloc));
            static struct pair *defined(void (*f)(int, int), int b[2][3], struct pair (*c)[2])
            {
                char brace = '}';
                const char *text = "{\\"";  // }
                return (struct pair){.call = 0};
            }
            __attribute__((noreturn)) void none(void) { for (;;) { } }
            DEFINE_AUTO(pair, struct pair *, pair_free)
            int last(int a) { return a; }
        ''')
        seen = [(f.name, f.parameters, f.defined, f.static) for f in csource.functions(found)]
        self.assertEqual(seen, [('declared', 2, False, False), ('with_attribute', 1, False, False),
                                ('defined', 3, True, True), ('none', 0, True, False),
                                ('last', 1, True, False)])

    def test_knows_enum_constants(self):
        found = csource.tokens('enum kind { ONE = 1, /* x */ TWO, THREE = SIZE(1, 2), };\n'
                               'enum { NAMELESS = 4 };\nenum kind f(enum kind a);')
        self.assertEqual(csource.enum_constants(found), {'ONE', 'TWO', 'THREE'})


class StyleTest(unittest.TestCase):
    """The rules of the hand."""

    def caught(self, text, name='lib/sql/split.c'):
        """(line, rule) of each finding in this file."""
        found = style.check_file(name, text, {'RED', 'GREEN'}, ['lib/sql/sql.h', 'lib/sql/parts.h'])
        return [(finding.line, finding.rule) for finding in found]

    def test_banned_functions(self):
        for word in style.BANNED + ['strtol', 'malloc', 'time', 'exit', '_exit', 'poll', 'signal']:
            text = f'static void f(void)\n{{\n    {word}(x);\n}}\n'
            self.assertEqual(self.caught(text), [(3, 'banned')], word)
            self.assertEqual(self.caught(f'#define X(a) \\\n    {word}(a)\n'), [(2, 'banned')], word)
        self.assertEqual(self.caught('static char *(*f)(const char *) = getenv;\n'),
                         [(1, 'banned')])

    def test_allowed_words(self):
        for text in ['bool time = x;', 'x->exit(1);', 'a.time(2);', '/* strcpy(a, b) */',
                     'f("system(1)");', 'text_system(1);', 'snprintf(a, 1, "x");', 'gmtime_r(a, b);']:
            self.assertEqual(self.caught(f'static void f(void)\n{{\n    {text}\n}}\n'), [], text)
        self.assertEqual(self.caught('static void f(void)\n{\n    exit(1);\n}\n', 'cmd/main.c'), [])
        self.assertEqual(self.caught('long text_x(void)\n{\n    return strtoll(a, b, 10);\n}\n',
                                     'lib/base/text.c'), [])
        self.assertEqual(self.caught('long f(void)\n{\n    return strtol(getenv("A"), 0, 10);\n}\n',
                                     'tests/unit/sql/test_x.c'), [])

    def test_goto_typedef_comment(self):
        self.assertEqual(self.caught('static void f(void)\n{\n    goto out;\n}\n'), [(3, 'goto')])
        for kind in ['struct', 'union', 'enum']:
            self.assertEqual(self.caught(f'typedef {kind} x x_t;\n'), [(1, 'typedef')])
        self.assertEqual(self.caught('typedef int sql_f(int a);\n'), [])
        self.assertEqual(self.caught('int a; // so\n'), [(1, 'comment')])
        self.assertEqual(self.caught('const char *a = "http://goto";\n'), [])

    def test_switch_default(self):
        switch = 'static int f(int a)\n{{\n    switch (a) {{\n    case {}:\n        return 1;\n{}' \
                 '    }}\n    return 0;\n}}\n'
        with_default = '    default:\n        return 2;\n'
        self.assertEqual(self.caught(switch.format('RED', with_default)), [(6, 'default')])
        self.assertEqual(self.caught(switch.format('RED', '')), [])
        self.assertEqual(self.caught(switch.format("'x'", with_default)), [])
        inner = '        switch (b) {\n        case 1:\n        default:\n            break;\n' \
                '        }\n'
        self.assertEqual(self.caught(switch.format('RED', inner)), [])
        inner = inner.replace('case 1', 'case GREEN')
        self.assertEqual(self.caught(switch.format('1', inner)), [(8, 'default')])

    def test_sizes(self):
        def function(lines, head='static void f(void)'):
            return head + '\n{\n' + '    x();\n' * (lines - 3) + '}\n'
        self.assertEqual(self.caught(function(60)), [])
        self.assertEqual(self.caught('int a;\n' + function(61)), [(2, 'function-length')])
        self.assertEqual(self.caught('int a;\n' * 500), [])
        self.assertEqual(self.caught('int a;\n' * 501), [(501, 'file-length')])
        six = 'int a, int b, int c, int d, int e, int f'
        self.assertEqual(self.caught(f'int sql_f({six}, ...);\n'), [])
        self.assertEqual(self.caught(f'int sql_f({six}, char *g);\n'), [(1, 'parameters')])
        self.assertEqual(self.caught(function(4, f'static int f({six}, int g)')),
                         [(1, 'parameters')])

    def test_lines(self):
        self.assertEqual(self.caught('\tint a;\n'), [(1, 'tab')])
        self.assertEqual(self.caught('/* ' + 'é' * 94 + ' */\n'), [])
        self.assertEqual(self.caught('\n/* ' + 'é' * 95 + ' */\n'), [(2, 'width')])

    def test_names(self):
        self.assertEqual(self.caught('static void sql_helper(void)\n{\n}\n'), [(1, 'name')])
        self.assertEqual(self.caught('static void process_it(void)\n{\n}\n'), [(1, 'name')])
        self.assertEqual(self.caught('int a;\n', 'lib/sql/sql_utils.c'), [(1, 'name')])
        self.assertEqual(self.caught('int a;\n', 'lib/helpers/a.c'), [(1, 'name')])

    def test_prefixes(self):
        self.assertEqual(self.caught('int split(int a)\n{\n    return a;\n}\n'), [(1, 'prefix')])
        self.assertEqual(self.caught('int sql_split(int a);\nint part_place(void);\n'), [])
        self.assertEqual(self.caught('int sqlite(int a);\n'), [(1, 'prefix')])
        self.assertEqual(self.caught('int split(int a);\n', 'lib/base/buf.c'), [])
        self.assertEqual(self.caught('int main(void)\n{\n    return 0;\n}\n', 'cmd/main.c'), [])

    def test_headers(self):
        good = HEADER.format('int sql_a(void);\n')
        self.assertEqual(self.caught(good, 'lib/sql/sql.h'), [])
        self.assertEqual(self.caught(good, 'lib/sql/lex.h'), [(2, 'guard')])
        self.assertEqual(self.caught(good[good.index('#'):], 'lib/sql/sql.h'), [(1, 'header')])
        self.assertEqual(self.caught(good + 'int sql_b(void);\n', 'lib/sql/sql.h'), [(2, 'guard')])
        self.assertEqual(self.caught('/* a */\nint sql_c;\n' + good, 'lib/sql/sql.h'),
                         [(4, 'guard')])
        self.assertEqual(self.caught('/* a */\n#pragma once\n', 'lib/sql/sql.h'), [(2, 'guard')])
        self.assertEqual(self.caught('/* a */\n', 'lib/sql/sql.h'), [(1, 'guard')])
        self.assertEqual(self.caught('', 'lib/sql/sql.h'), [(1, 'header'), (1, 'guard')])
        self.assertEqual(style.guard_of('tests/unit/check.h'), 'POSTLUDE_TESTS_CHECK_H')
        self.assertEqual(style.guard_of('cmd/verbs.h'), 'POSTLUDE_CMD_VERBS_H')


class TypeScriptTest(unittest.TestCase):
    """The sizes of TypeScript."""

    def caught(self, text, name='config/cdk/lib/task.ts'):
        """(line, rule) of each finding in this file."""
        return [(finding.line, finding.rule) for finding in style.check_typescript(name, text)]

    def test_sizes(self):
        self.assertEqual(self.caught('x();\n' * 400), [])
        self.assertEqual(self.caught('x();\n' * 401), [(401, 'file-length')])
        self.assertEqual(self.caught('\n' + 'é' * 140 + '\n'), [])
        self.assertEqual(self.caught('\n' + 'é' * 141 + '\n'), [(2, 'width')])
        self.assertEqual(self.caught('\tx();\n'), [(1, 'tab')])

    def test_names(self):
        self.assertEqual(self.caught('x();\n', 'config/cdk/lib/utils.ts'), [(1, 'name')])


class StyleProgramTest(Folder):
    """The program around the rules."""

    def test_runs_as_a_test(self):
        self.put('lib/sql/sql.h', HEADER.format('enum sql_kind { RED };\n'))
        self.put('cmd/a.c', 'int f(int a)\n{\n    switch (a) {\n    case RED:\n        return 1;\n'
                            '    default:\n        return 2;\n    }\n}\n')
        self.put('config/cdk/lib/a.ts', 'x();\n' * 401)
        code, said = self.run_test('style.py')
        self.assertEqual(code, 1)
        self.assertIn('cmd/a.c:6: ', said)
        self.assertIn('config/cdk/lib/a.ts:401: ', said)
        self.assertIn('3 looked at, 2 found', said)
        self.assertIn('1 enum constants', said)


class HygieneTest(Folder):
    """Clean text."""

    def caught(self, name, data):
        """(line, rule) of each finding when the project is this file."""
        self.put(name, data)
        code, said = self.run_test('hygiene.py')
        os.unlink(os.path.join(self.root, name))
        found = []
        for line in said.splitlines()[:-1]:
            found.append((int(line.split(':')[1]), line.rsplit('[', 1)[1].rstrip(']')))
        self.assertEqual(code, 1 if found else 0, said)
        return found

    def test_form(self):
        name = 'lib/a.txt'
        self.assertEqual(self.caught(name, 'Zürich\n\nb\n'), [])
        self.assertEqual(self.caught(name, ''), [])
        self.assertEqual(self.caught(name, b'a\ncaf\xe9\n'), [(2, 'utf-8')])
        self.assertEqual(self.caught(name, b'\xef\xbb\xbfa\n'), [(1, 'utf-8')])
        self.assertEqual(self.caught(name, 'a\nb\r\nc\n'), [(2, 'line-end')])
        self.assertEqual(self.caught(name, 'a\nb \nc\n'), [(2, 'trailing')])
        self.assertEqual(self.caught(name, 'a\nb\t\n'), [(2, 'trailing')])
        self.assertEqual(self.caught(name, 'a\nb'), [(2, 'last-line')])
        self.assertEqual(self.caught(name, 'a\n\n'), [(2, 'last-line')])
        for folder in ['tests/unit/sql/cases', 'tests/fuzz/corpus/x', 'tests/unit/outcome/golden']:
            self.assertEqual(self.caught(f'{folder}/a', b'a \r\n\xff'), [])

    def test_words(self):
        rules = {
            'machine-path': ['/wo' 'rk/x', 'see /ro' 'ot/x', '/tmp/w' 't/a', '/home/' 'joe/x',
                             '/tmp/brie' 'f.md'],
            'registry': ['https://registry.npmjs.o' 'rg/x', 'pypi.o' 'rg', 'http://10.' '1.2.3/deb',
                         'https://nexus.cor' 'p/x', 'docker.i' 'o/x'],
            'history': ['Issu' 'e 2', 'issu' 'e #12', 'ticke' 't no. 7'],
            'author': ['Cl' 'aude', 'Co-Auth' 'ored-By: x', 'a suba' 'gent', 'Open' 'AI'],
        }
        for rule, texts in rules.items():
            for text in texts:
                self.assertEqual(self.caught('lib/a', f'a\nb {text}\n'), [(2, rule)], text)
                self.assertEqual(self.caught('tests/x/cases/a', f'a\n{text}\n'), [(2, rule)], text)

    def test_harmless_words(self):
        for text in ['/usr/share/x', 'homework/x', 'user agent', 'the issue at hand', 'docker.io',
                     'http://169.254.170.2/x', 'http://127.0.0.1:8080/', 'https://10.example.org/',
                     '/var/www/html', '/tmp/x']:
            self.assertEqual(self.caught('lib/a', text + '\n'), [], text)

    def test_names_and_places(self):
        self.assertEqual(self.caught('util.c', ''), [(1, 'top')])
        self.assertEqual(self.caught('src/main.c', ''), [(1, 'top')])
        self.assertEqual(self.caught('README.md', ''), [])
        self.assertEqual(self.caught('.github/x', ''), [])
        self.assertEqual(self.caught('docs/x/Cl' 'aude.md', ''), [(1, 'top'), (1, 'author')])

    def test_an_empty_project_fails(self):
        self.assertEqual(self.run_test('hygiene.py')[0], 1)


class TrackedTest(Folder):
    """Which files are looked at."""

    def test_without_git(self):
        for name in ['a', 'lib/b', 'build/c', 'build-asan/d', 'lib/__pycache__/e']:
            self.put(name, '')
        self.assertEqual(report.tracked(self.root), ['a', 'lib/b'])

    def test_with_git(self):
        subprocess.run(['git', 'init', '-q', self.root], check=True)
        for name in ['.gitignore', 'kept', 'new', 'gone', 'made/x', 'ümlaut']:
            self.put(name, '/made/\n' if name == '.gitignore' else '')
        subprocess.run(['git', '-C', self.root, 'add', 'kept', 'gone'], check=True)
        os.unlink(os.path.join(self.root, 'gone'))
        self.assertEqual(report.tracked(self.root), ['.gitignore', 'kept', 'new', 'ümlaut'])


class LayoutTest(Folder):
    """clang-format."""

    def setUp(self):
        super().setUp()
        self.path = layout.tool()
        if not self.path:
            self.skipTest('clang-format is not installed')
        with open(os.path.join(HOUSE, '../../.clang-format'), encoding='utf-8') as file:
            self.put('.clang-format', file.read())

    def test_catches_bad_layout(self):
        self.put('good.c', 'int f(int a)\n{\n    return a;\n}\n')
        self.put('bad.c', 'int f(int a)\n{\n  return a;\n}\n')
        self.assertEqual(list(layout.misplaced(self.path, self.root, ['good.c'])), [])
        found = list(layout.misplaced(self.path, self.root, ['good.c', 'bad.c']))
        self.assertEqual([(f.path, f.line) for f in found], [('bad.c', 2)])
        self.assertEqual(self.run_test('layout.py')[0], 1)

    def test_catches_bad_settings(self):
        self.put('.clang-format', 'NoSuchKey: 1\n')
        self.put('good.c', 'int a;\n')
        self.assertTrue(list(layout.misplaced(self.path, self.root, ['good.c'])))


class TidyTest(Folder):
    """clang-tidy."""

    def test_catches_a_finding(self):
        if not (tidy.shutil.which('clang-tidy-14') or tidy.shutil.which('clang-tidy')):
            self.skipTest('clang-tidy is not installed')
        with open(os.path.join(HOUSE, '../../.clang-tidy'), encoding='utf-8') as file:
            self.put('.clang-tidy', file.read())
        entry = '{{"directory":"{0}","file":"{1}","command":"cc -c {1}","output":"x.o"}}'
        entries = ','.join(entry.format(self.root, name) for name in ['lib/a.c', 'tests/b.c'])
        self.put('build/compile_commands.json', f'[{entries}]')
        self.put('tests/b.c', 'int f(int a)\n{\n    if (a)\n        return 1;\n    return 0;\n}\n')
        self.put('lib/a.c', 'int f(int a)\n{\n    return a;\n}\n')
        build = os.path.join(self.root, 'build')
        code, said = self.run_test('tidy.py', build)
        self.assertEqual((code, said), (0, '1 looked at, 0 with findings\n'))
        self.put('lib/a.c', 'int f(int a)\n{\n    if (a)\n        return 1;\n    return 0;\n}\n')
        code, said = self.run_test('tidy.py', build)
        self.assertEqual(code, 1)
        self.assertIn('lib/a.c:3:', said)


HELP = '''postlude runs things.

Usage: postlude [VERB] [OPTION...]

Verbs
  run        apply it (no verb = run)
  status     say it

Options of single verbs
  --event FILE|-|JSON
                     the event (the variable holds JSON only)
                     variable POSTLUDE_EVENT
  --to ID            up to this
                     variable POSTLUDE_TO
  --event belongs to: run.

Options of all
  --help             this text

Exit codes
  0 done, or nothing      1 failed
  10 internal error
'''

README = '''# postlude

<!-- verbs -->
| verb | does |
|---|---|
| `run` | apply it (no verb = run) |
| `status` | say it |
<!-- /verbs -->

<!-- options -->
| option | does |
|---|---|
| `--event FILE\\|-\\|JSON` | the event (the variable holds JSON only) |
| `--to ID` | up to this |
| `--help` | this text |
<!-- /options -->

<!-- variables -->
| variable | does |
|---|---|
| `POSTLUDE_EVENT`, `POSTLUDE_EVENT_ID` | the event |
| `POSTLUDE_TO` | up to |
| `AWS_REGION` | where |
<!-- /variables -->

<!-- exit-codes -->
| code | means |
|---|---|
| 0 | `applied` |
| 1 | failed |
| 10 | a bug |
<!-- /exit-codes -->
'''

SOURCES = '"POSTLUDE_EVENT" "POSTLUDE_EVENT_ID" "POSTLUDE_TO"'


class ReadmeTest(Folder):
    """README's tables."""

    def caught(self, old='', new='', help_text=HELP):
        """Rules of the findings when README says `new` where it said `old`."""
        self.assertIn(old, README)
        found = readme.compare(README.replace(old, new, 1), help_text, SOURCES)
        return [finding.rule for finding in found]

    def test_agrees(self):
        self.assertEqual(self.caught(), [])

    def test_a_fence_is_as_good_as_a_table(self):
        fenced = README[:README.index('| verb')] + '```text\n' + \
            '  run        apply it (no verb = run)\n  status     say it\n```\n' + \
            README[README.index('<!-- /verbs'):]
        self.assertEqual(list(readme.compare(fenced, HELP, SOURCES)), [])
        fenced = fenced.replace('  status     say it\n', '')
        self.assertEqual(len(list(readme.compare(fenced, HELP, SOURCES))), 1)

    def test_catches_what_differs(self):
        for old, new, rules in [
                ('| `status` | say it |\n', '', ['verbs']),
                ('| say it |', '| tell it |', ['verbs', 'verbs']),
                ('| `status` | say it |\n', '| `status` | say it |\n| `undo` | x |\n', ['verbs']),
                ('`--to ID`', '`--to NAME`', ['options', 'options']),
                ('| `--help` | this text |\n', '', ['options']),
                ('| `POSTLUDE_TO` | up to |\n', '', ['variables']),
                ('POSTLUDE_EVENT_ID', 'POSTLUDE_EVENT_IDS', ['variables']),
                ('| 10 |', '| 9 |', ['exit-codes', 'exit-codes']),
                ('<!-- verbs -->', '', ['verbs'])]:
            self.assertEqual(self.caught(old, new), rules, old)
        swapped = HELP.replace('  run        apply it (no verb = run)\n', '').replace(
            '  status     say it\n', '  status     say it\n  run        apply it (no verb = run)\n')
        self.assertEqual(self.caught(help_text=swapped), ['verbs'])

    def test_catches_a_help_without_parts(self):
        self.assertEqual(self.caught(help_text='usage\n'), readme.BLOCKS)

    def test_links(self):
        text = '# It\n[a](#a-b-c)\n## A, `b`: c\n### d\n```\n## e\n```\n## Licence\n'
        self.assertEqual(list(readme.links(text)), [])
        for broken in (text.replace('#a-b-c', '#a'), text + '## f\n', text + '[e](#e)'):
            self.assertTrue(list(readme.links(broken)), broken)

    def test_skips_what_is_not_there_yet(self):
        self.assertEqual(self.run_test('readme.py', '/nowhere')[0], report.SKIPPED)
        self.put('README.md', README)
        self.assertEqual(self.run_test('readme.py', '/nowhere')[0], report.SKIPPED)

    def test_runs_as_a_test(self):
        self.put('README.md', README)
        self.put('lib/a.c', SOURCES)
        self.put('postlude', f"#!/bin/sh\ncat <<'E'\n{HELP}E\n")
        program = os.path.join(self.root, 'postlude')
        os.chmod(program, 0o755)
        self.assertEqual(self.run_test('readme.py', program), (0, '5 looked at, 0 found\n'))
        self.put('README.md', README.replace('say it', 'tell'))
        self.assertEqual(self.run_test('readme.py', program)[0], 1)


if __name__ == '__main__':
    unittest.main()

"""Random expressions and small templates through Jinja2 and through graft: equal text, or both refuse.

    python tests/peers/fuzz_expressions.py --driver build/render_chat [--count 20000] [--seed 1]
"""
import argparse
import random
import resource
import sys
import warnings

import chat_templates

warnings.simplefilter("ignore", SyntaxWarning)      # Jinja compiles (1)[0] to Python

STRINGS = ["''", "'a'", "'Ab c'", "' x\\n'", "'a,b,,c'", "'日本é'", "'42'", "'-3.5'", "'it\\'s'", "'%s-%s'", "'{}'", "'<b> &'", "'\\t'", "'ẞß ΑΣ'", "'a-b (c)'", "'l1\\nl2\\r\\n\\n'", "'0x1f'", "'\\u00e9\\x41'", "'_'"]
NUMBERS = ["0", "1", "2", "-1", "3", "10", "7", "1.5", "0.1", "-2.25", "1e3", "1_000", "0x1F", "2.0", "1e-5", "12345", "1e20"]
ATOMS = ["u", "true", "false", "none", "nosuch", "x", "n", "s", "d", "l", "e", "nested", "t", "True", "None", "f", "big"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
# What may follow a value of each kind: text behind "{}" where the value stands. Most picks fit the kind, some do not.
FOLLOW = {
    "text": ["{}|upper", "{}|lower", "{}|trim", "{}|length", "{}|string", "{}|list", "{}|first", "{}|last", "{}|int", "{}|float", "{}|title", "{}|capitalize", "{}|replace('a', 'b')", "{}|replace('', '-')",
             "{}|replace('b', '', 1)", "{}|indent", "{}|indent(2, true)", "{}|indent(width='> ', blank=true)", "{}|e", "{}|safe", "{}|escape", "{}|count", "{}|trim('ab')", "{}|int(7)", "{}|int(default=3)", "{}|float(2.5)",
             "{}|wordcount", "{}|truncate(5)", "{}|truncate(4, true)", "{}|center(9)", "{}|format(1, 'a')", "{}|forceescape", "{}|reverse", "{}|join('.')", "{}|safe + s", "s + {}|e", "{}|safe|upper", "{}|int(0, 16)", "{}|sort|join",
             "{}|unique|list", "{}|batch(2)|list", "{}|tojson|safe", "{}|max", "{}|min", "{}|safe ~ '<'", "({}|safe).split(',')", "({}|e)[1:]", "{}|safe|replace('a', '<')", "{}|safe|list",
             "{}.split()", "{}.split(',')", "{}.split(' ', 1)", "{}.rsplit(',', 1)", "{}.rsplit(none, 1)", "{}.strip()", "{}.lstrip('a')", "{}.rstrip()", "{}.strip('a \\n')", "{}.upper()", "{}.lower()", "{}.title()", "{}.capitalize()",
             "{}.startswith('a')", "{}.endswith(('c', 'b'))", "{}.replace('a', 'x')", "{}.find('b')", "{}.rfind('a')", "{}.count('a')", "{}.splitlines()", "{}.splitlines(true)", "{}.join(['p', 'q'])", "{}.join(t)", "{}.isdigit()", "{}.isalpha()",
             "{}.isupper()", "{}.islower()", "{}.isspace()", "{}.isalnum()", "{}.format(1, x=2)", "{}.partition(',')", "{}.rpartition('b')", "{}.removeprefix('a')", "{}.removesuffix('c')", "{}.ljust(5, '.')", "{}.rjust(5)",
             "{}.strip(none)", "{}.startswith('b', 1)", "{}.lstrip().upper()", "{}.find('a', -3)", "{}.split(sep=',', maxsplit=1)", "{}.index('a')", "{} * 2", "{} % (1, 'b')", "{} < 'b'", "'a' in {}", "{} not in s", "{} is lower", "{} is upper",
             "{}[0]", "{}[-1]", "{}[1:]", "{}[:-1]", "{}[::-1]", "{}[::2]", "{}[-2:]", "{}[5:2:-1]", "{}[x]", "{}.zfill(3)", "{}|d('q')", "{}|select|join"],
    "list": ["{}|length", "{}|list", "{}|first", "{}|last", "{}|join", "{}|join(', ')", "{}|tojson", "{}|tojson(indent=2)", "{}|tojson(separators=(',', ':'))", "{}|sort", "{}|sort(reverse=true)", "{}|unique|list", "{}|reverse|list", "{}|min", "{}|max",
             "{}|sum", "{}|select|list", "{}|reject|list", "{}|select('string')|list", "{}|reject('none')|list", "{}|map('string')|list", "{}|map('upper')|join('|')", "{}|map(attribute='a')|list", "{}|map(attribute='a', default=0)|list", "{}|selectattr('a')|list",
             "{}|selectattr('a', 'equalto', 1)|list", "{}|rejectattr('a', 'defined')|list", "{}|batch(2)|list", "{}|slice(2)|list", "{}|groupby('a')|list", "{}|groupby('a', default=9)|list", "{}|sum(start=1)", "{}|join(attribute='a')", "{}|sort(attribute='a')",
             "{}|sort(attribute='a,b')", "{}|batch(3, 'x')|list", "{}|slice(2, 'f')|list", "{}|count", "{}|string", "{}|sort(case_sensitive=true)", "{}|unique(attribute='a')|list", "{}|max(attribute='a')", "{}|map('int')|list", "{}|select('gt', 1)|list",
             "{}|select('in', [1, 'a'])|list", "{}|map('default', 'z')|list", "{}|first|default('none')", "({}|map('string')) is iterable", "({}|select) is sequence", "{}|select('odd')|first", "{}[0]", "{}[-1]", "{}[5]", "{}[1:]", "{}[:-1]", "{}[::-1]", "{}[::2]", "{}[1:3]",
             "{}[-2:]", "{}[3:1]", "{}[5:2:-1]", "{}[-100::3]", "{}.index(1)", "{}.count('a')", "{}.append(1)", "{}.pop()", "{}.0", "{} + [1]", "{} * 2", "2 in {}", "{} == l", "{} < [3, 2]", "{} ~ 1", "{}|tojson(sort_keys=true)"],
    "dict": ["{}|items|list", "{}|dictsort", "{}|dictsort(reverse=true)", "{}|dictsort(by='value')", "{}|dictsort(true)", "{}|tojson", "{}|tojson(indent=2)", "{}|tojson(sort_keys=true)", "{}|tojson(ensure_ascii=true)", "{}|tojson(indent='--')", "{}|length", "{}|list", "{}|string", "{}|first",
             "{}|join(',')", "{}|sort", "{}.items()", "{}.keys()", "{}.values()", "{}.keys()|list", "{}.items()|list", "{}.values()|list|length", "{}.get('a')", "{}.get('zz', 5)", "{}.a", "{}.b.c", "{}.b['c']", "{}.zz", "{}.zz.y", "{}.items", "{}['a']", "{}['items']", "{}.update(d)",
             "{}.copy()", "{}.__class__", "'a' in {}", "{} == d", "{}|attr('a')", "{}|map('upper')|list", "{}|default(1)", "{}['length']", "{}|reverse|list", "{}|max", "{} is mapping", "({}.items()) is sequence", "{}.items()|length", "{}.keys()|join", "{}|selectattr('a')|list", "dict({}, q=1)", "dict(**{})"],
    "number": ["{}|int", "{}|float", "{}|abs", "{}|round", "{}|round(1)", "{}|string", "{}|tojson", "{}|round(method='floor')", "{}|round(2, 'ceil')", "{} + 1", "{} - 2.5", "{} * 3", "{} / 4", "{} // 2", "{} % 3", "{} % -3", "{} // -2.5", "-{}", "{} < 3", "1 <= {} < 10", "{} == 2.0", "{} is odd", "{} is even",
               "{} is divisibleby 2", "{} is gt 1", "{} ~ '!'", "range({} % 9)|list|length", "[0] * ({} % 5)", "'ab' * ({} % 5)", "{} in [1, 2.0, true]", "{} ** 2", "{} is integer", "{} is float", "{} is lessthan 3", "{}|default(4, true)", "'%d|%5.2f|%s' % ({0}, {0}, {0})", "'{{:>8}}|{{:.1f}}'.format({0}, {0})", "{}|round|int", "l[{}]", "s[{}:]", "{} and 5", "{} or 6"],
}
FOLLOW["any"] = [f"{{}} is {test}" for test in ("defined", "undefined", "none", "string", "number", "integer", "float", "mapping", "iterable", "sequence", "boolean", "true", "false", "callable", "eq(1)", "in [1, 'a']", "sameas none", "equalto('a')", "ne 1", "not none", "not string", "escaped", "filter")] + [
    "not {}", "({},)", "{}|default('d')", "{}|default('d', true)", "{}|string", "{} == {}", "{} != none", "{} and 1", "{} or 'o'", "{} ~ {}", "[{}]|tojson", "{{'k': {}}}", "[{}, 1]", "{} if {} else 2", "{} if {}", "({}, {})|list"]
ROOTS = {"text": STRINGS + ["s", "t[0]", "d.b.c"], "list": ["l", "e", "t", "nested", "[1, 'a', none]", "(1, 2)", "[[2, 'b'], [1, 'a']]", "range(4)", "s.split(',')", "[]", "[1.5, 1, true]", "['é', 'Z', 'a']"], "dict": ["d", "{'a': 1, 'B': [2]}", "{}", "nested[0]", "{'é': \"x'y\", 'n': 1.0, 1: none}"],
         "number": NUMBERS + ["x", "n", "f", "big"], "any": ATOMS}
PERCENT = ["'%s' % x", "'%d' % x", "'%05.1f|%-4s|%+d' % (1.25, 'a', 3)", "'%r' % s", "'%x %o %e %g' % (255, 8, 12.5, 0.0001)", "'%(a)s' % d", "'%s' % l", "'%c%%' % 'q'", "'%5s|%.2s' % ('ab', 'xyz')", "'%s %s' % ('a',)", "'%d' % 'a'"]
BRACES = ["'{} {}'.format(x, s)", "'{0}{1}{0}'.format('a', 1)", "'{a}'.format(a=x)", "'{:>5}|{:<5}|{:^5}'.format('a', 1, 2.5)", "'{:05d} {:,} {:.2f} {:x}'.format(42, 1234567, 2.345, 255)", "'{0[a]}{0.a}'.format(d)", "'{!r}'.format(s)", "'{{}}'.format()", "'{'.format()", "'{:+.1%}'.format(0.25)", "'{:*^9}'.format('mid')", "'{}'.format()"]
CONTEXT = {"x": 3, "n": -7, "s": "abc, a\nB", "d": {"a": 1, "b": {"c": "deep"}, "Z": None, "length": 9}, "l": [3, 1, 2], "e": [], "f": 2.5, "big": 90071,
           "t": ["b", "A", "c", "a"], "nested": [{"a": 1, "b": "x"}, {"a": 2}, {"b": "y", "a": 1}]}


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def expression(self, depth, kind=None):
        kind = kind or self.pick(["text", "list", "dict", "number", "any"])
        text = self.pick(ROOTS[kind])
        for _ in range(self.random.randrange(depth + 1)):
            follow = FOLLOW[kind if self.random.random() < 0.9 else self.pick(list(FOLLOW))]
            step = self.pick(follow + FOLLOW["any"] if self.random.random() < 0.1 else follow)
            text = f"({step.format(*[self.wrap(text)] * 2)})"
            if self.random.random() < 0.15:
                text = f"({text} {self.pick(BINARY)} {self.expression(depth - 1)})" if depth else text
            kind = self.kind_after(step, kind)
        if self.random.random() < 0.05:
            text = self.pick([self.pick(PERCENT), self.pick(BRACES)])
        return text

    def kind_after(self, step, kind):
        """A guess, good enough that most chains make sense."""
        if any(step.endswith(end) for end in ("|list", ".split()", "split(',')", "|sort", "splitlines()", "dictsort", "[1:]|list", "keys()", "items()", "(',', 1)", "+ [1]", "[{}, 1]")):
            return "list"
        if any(step.endswith(end) for end in ("length", "count", "|int", "|float", "|abs", "|round", "+ 1", "* 3", "% 3", "// 2", "wordcount", "|sum", "find('b')")):
            return "number"
        if any(step.endswith(end) for end in ("|string", "tojson", "|join", "upper", "lower", "trim", "upper()", "strip()", "~ '!'", "|title", "title()", "join(', ')", "|e")):
            return "text"
        return kind if any(mark in step for mark in ("[", "replace", "default", "strip", "copy", "indent", "safe", "reverse")) and not step.endswith("]") else "any"

    def wrap(self, text):
        return text if self.random.random() < 0.3 else f"({text})"

    def tag(self, content):
        return "{%" + self.pick(["", "", "-", "+"]) + f" {content} " + self.pick(["", "", "-", "+"]) + "%}" + self.pick(["", "", "\n", "  ", "\n  ", " t "])

    def out(self, depth=2):
        return "{{" + self.pick(["", "", "-"]) + f" {self.expression(depth)} " + self.pick(["", "", "-"]) + "}}" + self.pick(["", "\n", " "])

    def block(self, depth):
        if depth <= 0:
            return self.pick([self.out(), "  text\n", self.tag("set u = " + self.expression(1)), "{# c #}\n", "{#- c -#} ", "{{ loop.index }}"])
        body = "".join(self.block(depth - 1) for _ in range(self.random.randrange(1, 3)))
        small = self.expression(1)
        return self.pick([
            lambda: self.tag(f"if {small}") + body + self.tag("else") + self.block(depth - 1) + self.tag("endif"),
            lambda: self.tag(f"if {small}") + body + self.tag(f"elif {self.expression(1)}") + body + self.tag("endif"),
            lambda: self.tag(f"for i in {small}") + body + "{{ i }}{{ loop.last }}{{ loop.previtem }}" + self.tag("endfor"),
            lambda: self.tag(f"for i in l if i != {small}") + "{{ loop.length }}{{ loop.revindex0 }}{{ loop.nextitem }}" + body + self.tag("else") + "none" + self.tag("endfor"),
            lambda: self.tag("for k, v in d.items()") + "{{ k }}" + body + self.tag(f"if {small}") + self.tag(self.pick(["break", "continue"])) + self.tag("endif") + "." + self.tag("endfor"),
            lambda: self.tag("set y") + body + self.tag("endset") + "[{{ y|trim }}{{ y|length }}]",
            lambda: self.tag("macro m(a, b=2, c='z')") + body + "{{ a }}{{ b }}{{ varargs }}{{ kwargs }}" + self.tag("endmacro") + f"{{{{ m({small}, c=b, q=1) }}}}{{{{ m(1, 2, 3, 4) }}}}",
            lambda: self.tag("macro w(a)") + "<{{ caller(a) }}>" + self.tag("endmacro") + self.tag("call(v) w(5)") + "{{ v }}" + body + self.tag("endcall"),
            lambda: self.tag(f"set ns = namespace(q={small})") + self.tag("for i in l") + self.tag("set ns.q = ns.q ~ i") + self.tag("endfor") + "{{ ns.q }}" + body,
            lambda: self.tag("filter upper") + body + self.tag("endfilter"),
            lambda: self.tag(f"with z = {small}, y = x") + "{{ z }}{{ y }}" + body + self.tag("endwith"),
            lambda: self.tag("generation") + body + self.tag("endgeneration"),
            lambda: self.tag("raw") + " {{ x }} {% y %} " + self.tag("endraw"),
            lambda: self.tag("for i in nested recursive") + "{{ i.a }}{{ loop.depth }}" + self.tag("if i.b is string") + "{{ loop([{'a': 7}]) }}" + self.tag("endif") + self.tag("endfor") + body,
            lambda: self.tag(f"set a, b = 1, {small}") + "{{ a }}{{ b }}" + body,
        ])()

    def template(self):
        if self.random.random() < 0.6:
            return "{{ " + self.expression(self.random.randrange(1, 6)) + " }}"
        return self.pick(["", "  ", "\n"]) + "".join(self.block(self.random.randrange(1, 4)) for _ in range(self.random.randrange(1, 4))) + self.pick(["", "\n", "\n\n", "end"])


def comparable(expected, answer):
    """What is refused on purpose: printing objects and their addresses, integers beyond 64 bits; and Jinja's folding of constants, which
    makes (1)[0:] undefined where x[0:] is an error."""
    if "error" not in answer:
        return True
    return not any(reason in answer["error"] for reason in ("cannot be printed", "64 bits")) and not ("error" not in expected and "not subscriptable" in answer["error"])


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--driver", default=chat_templates.ROOT / "build" / "render_chat")
    options.add_argument("--count", type=int, default=20000)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    maker = Maker(options.seed)
    requests = [{"template": maker.template(), "messages": [], "variables": CONTEXT} for _ in range(options.count)]
    answers = chat_templates.native(requests, options.driver)
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))      # a list times a large number is an error for both
    wrong = refused = skipped = 0
    for request, answer in zip(requests, answers, strict=True):
        expected = chat_templates.reference(request)
        if not comparable(expected, answer):
            skipped += 1
            continue
        refused += "error" in expected
        if not chat_templates.agree(expected, answer):
            wrong += 1
            if wrong <= 40:
                print(f"{request['template']!r}\n    expected {str(expected)[:300]}\n    found    {str(answer)[:300]}")
    print(f"{options.count - wrong - skipped} of {options.count - skipped} equal ({refused} refused by Jinja2, {skipped} not comparable)")
    return 1 if wrong else 0


sys.exit(main())

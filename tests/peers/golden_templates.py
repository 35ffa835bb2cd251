"""Writes tests/golden/templates: what transformers renders, for tests/data/text/test_chat_template.c.

    python tests/peers/golden_templates.py

features.json       small templates of our own, one feature each, with the expected text, ranges or refusal
conversations.json  the conversations, once
NAME.jinja          a released template (SmolLM2: Apache-2.0; Qwen 2.5: Apache-2.0; Llama 3.1: as shipped in TRL)
NAME.json           what it makes of each conversation
"""
import json

import chat_templates

FOLDER = chat_templates.ROOT / "tests" / "golden" / "templates"
FAMILIES = ["smollm2", "qwen2_5", "qwen2_5_training", "llama3_1"]
MESSAGES = [{"role": "system", "content": "S"}, {"role": "user", "content": "Grüße, 'x'"}, {"role": "assistant", "content": "A\n", "thinking": "T"}]
VARIABLES = {"d": {"a": 1, "b": [True, None, "é'"], "c": {"x": 1.0}}, "l": [3, 1, 2], "s": " Ab cd ", "n": 7, "f": 2.5, "bos_token": "<s>",
             "users": [{"name": "b", "age": 2}, {"name": "A", "age": 2}, {"name": "c", "age": 1}]}

FEATURES = {
    "text": ["plain", "a\n", "a\n\n", "\r\nx\r\n", "{", "{ {", "}} %} #}", "日本"],
    "white space": ["  {% if true %}\n  X\n  {% endif %}\nY", "a\n  {%- if true -%}  \n X {%- endif +%}\n\nY", "  {%+ if true %}\nX\n{% endif +%}\nY", "a {# c #}\nb", "a\n {#- c -#} \n b", "x {{- 1 -}} y", "{{ 1 }}\n{{ 2 }}\n",
                    "{% raw %}{{ a }} {% b %}{% endraw %}!", "a {%- raw -%}  {{ x }}  {%- endraw -%} b", "  {# c #}x", " x {# c #}\n\n", "{#- a #}{#+ b +#}\nc", "{% set x = 1 %}\n\n{% set y = 2 -%}\n\nz"],
    "literals": ["{{ 1 }} {{ 1.0 }} {{ 1e20 }} {{ 0.1 + 0.2 }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 1e-05 }}", "{{ 'a\\n\\t\\\\\\'\\x41\\u00e9\\U0001F600\\101\\q' }}", "{{ 'a' \"b\" 'c' }}", "{{ [1, 'a', none, true, [],] }}", "{{ (1,) }}{{ () }}{{ (1, 2) }}", "{{ {'a': 1, 'b': {}} }}",
                 "{{ 1, 2 }}", "{{ true }}{{ False }}{{ none }}{{ None }}", "{{ {\"a'\": 'b\"', 'c': 'd\\'\"'} }}", "{{ {1: 2, true: 3, 1.0: 4} }}"],
    "operators": ["{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % -3 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 2 ** 3 ** 2 }}", "{{ 'a' ~ 1 ~ none ~ 1.5 }}", "{{ 'a' + 'b' * 3 }} {{ [1] + [2] * 2 }}", "{{ 1 + 2 ~ 3 + 4 }}",
                  "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 'a' < 'B' }} {{ [1, 2] < [1, 3] }} {{ 1 == true }}", "{{ 'a' in 'cat' }} {{ 1 not in l }} {{ 'a' in d }} {{ 'b' in ['a'] }}", "{{ not true or true and false }} {{ not 1 == 2 }} {{ 0 or 'x' }} {{ '' and 1 }}",
                  "{{ -2 ** 2 }} {{ -1|abs }} {{ +3 }} {{ - -3 }}", "{{ 'yes' if n > 3 else 'no' }}{{ 'x' if false }}{{ 1 if false else 2 if false else 3 }}", "{{ '%s is %05.2f, %-4s|%+d' % ('pi', 3.14159, 'a', 3) }}", "{{ '%(a)s' % d }}", "{{ 1 / 0 }}", "{{ 'a' + 1 }}", "{{ 1 < 'a' }}", "{{ 9 % 0 }}", "{{ true + true }}"],
    "attributes": ["{{ d.a }}{{ d['a'] }}{{ d.zz }}|{{ d['zz'] is defined }}", "{{ d.c.x }} {{ d.zz.y }}", "{{ nosuch }}|{{ nosuch.x }}", "{{ l[0] }}{{ l[-1] }}{{ l[9] }}{{ l.0 }}", "{{ s[1] }}{{ 'é日x'[1] }}{{ 'é日x'[-1] }}", "{{ l[1:] }}{{ l[::-1] }}{{ l[:-1] }}{{ l[::2] }}{{ l[5:] }}{{ l[-2:] }}", "{{ 'é日x'[1:] }}{{ 'é日x'[::-1] }}{{ 'abc'[:2] }}{{ 'abcdef'[4:0:-2] }}",
                    "{{ {'items': 5}.items() }} {{ {'items': 5}['items'] }}", "{{ d.__class__ }}|", "{{ none.x }}|{{ none['x'] }}|", "{{ l.append(1) }}", "{{ d.update({}) }}", "{{ l['a'] }}|{{ l[1.0] }}", "{{ l[::0] }}", "{{ n[1:] }}"],
    "set": ["{% set x = 1 %}{{ x }}{% set x, y = 2, [3] %}{{ x }}{{ y }}", "{% set x %} a {{ n }} {% endset %}[{{ x }}]", "{% set x | upper | trim %} a {% endset %}[{{ x }}]", "{% set ns = namespace(a=1, b='x') %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}",
            "{% set x = 1 %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}", "{% set x = 0 %}{% for i in l %}{% set x = x + 1 %}{{ x }}{% endfor %}", "{% if true %}{% set q = 5 %}{% endif %}{{ q }}", "{% set a, b = 1 %}", "{% set a, b = [1, 2, 3] %}", "{% set n.x = 1 %}", "{% set ns = namespace(_a=1) %}", "{{ namespace(a=1) }}", "{% set x = 1, 2 %}{{ x }}",
            "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}"],
    "for": ["{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}", "{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }};{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}",
            "{% for i in [] %}x{% else %}empty{% endfor %}", "{% for i in l if i > 1 %}{{ i }}{{ loop.last }}{{ loop.length }}{% else %}none{% endfor %}", "{% for i in l if i > 9 %}x{% else %}none{% endfor %}", "{% for i in nosuch %}x{% endfor %}", "{% for c in 'é日' %}[{{ c }}]{% endfor %}", "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "{% for i in l %}{% for j in l %}{{ i }}{{ j }}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}", "{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i > 1) }}{% endfor %}", "{% set ns = namespace(go=true) %}{% for i in l if ns.go %}{{ i }}{% set ns.go = false %}{% endfor %}", "{{ loop }}|{% for i in l %}{% endfor %}{{ loop }}",
            "{% for x in [{'k': 1, 'c': [{'k': 2, 'c': []}]}] recursive %}{{ x.k }}{{ loop.depth }}({{ loop(x.c) }}){% endfor %}", "{% for (a, b) in [(1, 2)] %}{{ a }}{{ b }}{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for i in 5 %}{% endfor %}", "{% for loop in l %}{% endfor %}", "{% break %}", "{% for a in range(3, 0, -1) %}{{ a }}{% endfor %}{{ range(100001)|length }}"],
    "if": ["{% if n == 1 %}a{% elif n == 7 %}b{% else %}c{% endif %}", "{% if '' %}a{% elif [] %}b{% elif {} %}c{% elif 0.0 %}d{% else %}e{% endif %}", "{% if messages|selectattr('role', 'equalto', 'nobody') %}a generator is true{% endif %}", "{% if true: %}x{% endif %}", "{% if 1, %}x{% endif %}"],
    "macro": ["{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, c=5) }}{{ m(b=1, a=3) }}{{ m() }}", "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}",
              "{% set g = 1 %}{% macro m() %}{{ g }}{{ i }}{% endmacro %}{% for i in l %}{{ m() }}{% endfor %}{% set g = 2 %}{{ m() }}", "{% macro w(t) %}<{{ t }}>{{ caller(t) }}</{{ t }}>{% endmacro %}{% call(x) w('b') %}in {{ x }}{{ n }}{% endcall %}", "{% macro w() %}{{ caller() }}{{ caller is defined }}{% endmacro %}{% call w() %}x{% endcall %}", "{% macro w() %}[{{ caller }}]{% endmacro %}{{ w() }}", "{% macro m() %} x {% endmacro %}[{{ m()|trim }}]",
              "{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }}", "{% macro m() %}{% set z = 5 %}{{ z }}{% endmacro %}{{ m() }}{{ z }}", "{% macro m(a) %}{{ a + 1 }}{% endmacro %}{{ m() }}", "{% filter upper %}a{{ n }}{% endfilter %}"],
    "generation": ["a{% generation %}b{{ n }}é{% endgeneration %}c{% generation %}{% endgeneration %}", "é{% for m in messages %}{% if m.role == 'assistant' %}{%- generation -%} {{ m.content }} {%- endgeneration -%}{% else %}{{ m.content }}{% endif %}{% endfor %}", "x{% macro m() %}y{% generation %}z{% endgeneration %}{% endmacro %}{{ m() }}", "{% set t %}ab{% generation %}cd{% endgeneration %}{% endset %}xyz{{ t }}",
                   "{% filter trim %}{% generation %}    é  {% endgeneration %}{% endfilter %}", "{% set y %}{% filter upper %}{% generation %}éñß{% endgeneration %}{% endfilter %}{% endset %}12345678{{ y }}",
                   "{% generation %}{% set q = 1 %}a{% generation %}b{% endgeneration %}{% endgeneration %}{{ q }}"],
    "tests": ["{{ n is number }}{{ f is float }}{{ n is integer }}{{ true is integer }}{{ true is number }}{{ s is string }}{{ d is mapping }}{{ none is none }}{{ x is defined }}{{ x is undefined }}", "{{ s is iterable }}{{ s is sequence }}{{ d is sequence }}{{ l is sequence }}{{ n is iterable }}{{ x is sequence }}{{ d.items() is sequence }}",
              "{{ 3 is odd }}{{ 4 is even }}{{ 9 is divisibleby 3 }}{{ 9 is divisibleby(2) }}{{ 'a' is eq 'a' }}{{ 1 is ne 2 }}{{ 3 is gt 2 }}{{ 1 is in [1] }}{{ true is true }}{{ 1 is true }}{{ false is boolean }}", "{{ 'ab' is lower }}{{ 'AB' is upper }}{{ '1' is lower }}{{ none is sameas none }}{{ range is callable }}{{ 'upper' is filter }}{{ 'odd' is test }}",
              "{{ not n is string }}{{ n is not string }}{{ n is string or n is number }}", "{{ n is nosuch }}", "{% if false %}{{ n is nosuch }}{% endif %}ok"],
    "text filters": ["[{{ s|trim }}][{{ s|upper }}][{{ s|lower }}][{{ s|title }}][{{ s|capitalize }}][{{ s|length }}][{{ 'xxaxx'|trim('x') }}]", "{{ 'ß ẞ ŉ ﬁ ΑΣ İ'|upper }}{{ 'ΑΣ ΑΣΑ İ'|lower }}{{ 'ßa'|capitalize }}", "{{ 'aXbXc'|replace('X', '--') }}{{ 'aaa'|replace('a', 'b', 2) }}{{ 'ab'|replace('', '.') }}", "{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb'|indent(2, first=true) }}|{{ 'a\n\nb'|indent(1, blank=true) }}|{{ 'a\nb'|indent('> ') }}",
                     "{{ 'a b c d e f'|truncate(9, leeway=0) }}{{ 'foo bar baz'|truncate(8, true, '..', 0) }}{{ 'ab'|center(6) }}|{{ 'a b-c'|wordcount }}", "{{ '<a> & \"b\"'|e }}{{ ('<'|safe) + '<' }}{{ '<' + ('>'|e) }}{{ ('<'|safe) ~ '<' }}{{ ['<'|safe] }}", "{{ nosuch|default('d') }}{{ ''|default('d') }}{{ ''|default('d', true) }}{{ none|default('d') }}{{ nosuch|d }}", "{{ '%s-%d'|format('a', 3) }}{{ '%(x)s'|format(x=1) }}",
                     "{{ '42'|int }}{{ ' 4.9 '|int }}{{ 'x'|int }}{{ 'x'|int(7) }}{{ '0x1f'|int(base=16) }}{{ '1_0'|int }}{{ 3.9|int }}{{ -3.9|int }}{{ true|int }}", "{{ '1.5'|float }}{{ 'x'|float }}{{ 'x'|float(2.5) }}{{ 3|float }}{{ '1e3'|float }}", "{{ 2.5|round }}{{ 3.5|round }}{{ 2.675|round(2) }}{{ 2.1|round(0, 'ceil') }}{{ 25|round }}{{ 1234.5|round(-2) }}{{ -3|abs }}", "{{ n|nosuch }}", "{% if false %}{{ n|nosuch }}{% endif %}ok", "{{ n|nosuch if false else 1 }}", "{{ n|string + 'a' }}{{ none|string }}{{ [1]|string }}"],
    "tojson": ["{{ d|tojson }}", "{{ d|tojson(indent=2) }}", "{{ {'b': [], 'a': {}, 'é': '<>&\\'\"\\n\\u0001\\x7f/'}|tojson }}", "{{ {'b': 1, 'a': 'é😀'}|tojson(ensure_ascii=true, sort_keys=true) }}", "{{ d|tojson(separators=(',', ':')) }}{{ l|tojson(indent=0) }}{{ l|tojson(indent='--') }}", "{{ {1: 1.0, none: 1e20, true: (1, 2), 2.5: 1e-5}|tojson }}", "{{ nosuch|tojson }}", "{{ {(1,): 2}|tojson }}", "{{ (l|map('string'))|tojson }}", "{{ [1, [2, {'a': []}]]|tojson(indent=1) }}"],
    "list filters": ["{{ l|sort }}{{ l|sort(reverse=true) }}{{ ['b', 'A', 'c']|sort }}{{ ['b', 'A']|sort(case_sensitive=true) }}{{ users|sort(attribute='age,name')|map(attribute='name')|join }}", "{{ l|first }}{{ l|last }}{{ []|first }}{{ l|min }}{{ l|max }}{{ l|sum }}{{ users|sum(attribute='age') }}{{ users|max(attribute='age') }}", "{{ l|join(', ') }}{{ [1, none, 'a']|join('|') }}{{ users|join('/', attribute='name') }}{{ 'abc'|join('-') }}",
                     "{{ l|list }}{{ 'ab'|list }}{{ d|list }}{{ l|reverse|list }}{{ 'ab'|reverse }}{{ [1, 1.0, 'A', 'a']|unique|list }}", "{{ d|dictsort }}{{ {'B': 1, 'a': 2}|dictsort }}{{ {'B': 1, 'a': 2}|dictsort(true) }}{{ {'b': 1, 'a': 2}|dictsort(by='value', reverse=true) }}", "{{ d|items|list }}{{ nosuch|items|list }}{{ l|length }}{{ d|count }}{{ 'é日'|length }}",
                     "{{ users|map(attribute='name')|list }}{{ users|map(attribute='x', default='-')|list }}{{ ['a', 'b']|map('upper')|list }}{{ ['a']|map('replace', 'a', 'z')|first }}", "{{ users|selectattr('age', 'equalto', 2)|map(attribute='name')|join(',') }}{{ users|rejectattr('age', 'gt', 1)|list|length }}{{ [0, 1, '', 'a']|select|list }}{{ [1, 2, 3]|select('odd')|list }}{{ [1, none]|reject('none')|list }}{{ users|selectattr('nosuch')|list }}",
                     "{{ range(7)|batch(3)|list }}{{ range(7)|batch(3, 'x')|list }}{{ range(7)|slice(3)|list }}{{ range(7)|slice(3, 'x')|list }}", "{{ users|groupby('age') }}{% for k, v in users|groupby('name') %}{{ k }}{% endfor %}", "{% set g = l|map('string') %}{{ g|list }}{{ g|list }}", "{{ (l|map('string'))|length }}", "{{ l|map('nosuch')|list }}", "{{ [1, 'a']|sort }}", "{{ none|list }}", "{{ n|length }}", "{{ nosuch|length }}{{ nosuch|list }}{{ nosuch|join }}"],
    "methods": ["{{ s.strip() }}|{{ s.lstrip() }}|{{ s.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'abcab'.lstrip('ba') }}|{{ '\u3000x\u00a0'.strip() }}|", "{{ 'a,b,,c'.split(',') }}{{ ' a  b '.split() }}{{ 'a b c'.split(' ', 1) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ 'a-b'.split('-')[-1] }}{{ ''.split(',') }}{{ ''.split() }}", "{{ 'a'.split('') }}", "{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x', 'c')) }}{{ 'abc'.startswith('b', 1) }}{{ 'abc'.find('c') }}{{ 'é日c'.find('c') }}{{ 'abca'.rfind('a') }}{{ 'x'.find('y') }}",
                "{{ 'aXb'.replace('X', '-') }}{{ 'aaa'.replace('a', 'b', 1) }}{{ 'hELLO wORLD'.title() }}{{ 'hELLO'.capitalize() }}{{ 'aB'.upper() }}{{ 'aB'.lower() }}{{ \"it's\".title() }}", "{{ 'a\nb\r\nc\x0bd'.splitlines() }}{{ 'a\nb'.splitlines(true) }}{{ 'abcab'.count('ab') }}{{ '-'.join(['a', 'b']) }}{{ '1'.isdigit() }}{{ 'a1'.isalnum() }}{{ 'é'.isalpha() }}{{ ' '.isspace() }}{{ ''.isdigit() }}", "{{ 'a=b=c'.partition('=') }}{{ 'a=b=c'.rpartition('=') }}{{ 'abc'.removeprefix('ab') }}{{ 'abc'.removesuffix('bc') }}{{ 'a'.ljust(3, '.') }}{{ 'a'.rjust(3) }}{{ '-5'.zfill(4) }}",
                "{{ '{} {}'.format(1, 'a') }}{{ '{1}{0}'.format('a', 'b') }}{{ '{x:>4}|{y:<4}|{z:^5}'.format(x=1, y='a', z='m') }}{{ '{:.2f} {:,} {:05d} {:x} {:+}'.format(2.345, 1234567, 42, 255, 3) }}{{ '{0.a}{0[a]}'.format(d) }}{{ '{!r}'.format('a') }}{{ '{{}}'.format() }}", "{{ '{}'.format() }}", "{{ d.items() }}{{ d.keys() }}{{ d.values()|list }}{{ d.get('a') }}{{ d.get('z') }}{{ d.get('z', 5) }}", "{{ l.index(1) }}{{ l.count(3) }}{{ (1, 2).index(2) }}", "{{ l.index(9) }}", "{{ '-'.join([1]) }}", "{{ s.nosuch() }}", "{{ n() }}"],
    "functions": ["{{ range(3)|list }}{{ range(1, 7, 2)|list }}{{ range(3, 0, -1)|list }}{{ range(0)|list }}", "{{ dict(a=1, b=2) }}{{ dict({'a': 1}, b=2) }}{{ dict([('a', 1)]) }}", "{{ raise_exception('Do not do that.') }}", "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %A %j') }}", "{{ strftime_now('%H:%M:%S.%f %%f|%z|%Z|%#Z|%-d %e %U %p') }}|{{ strftime_now('') }}|{{ strftime_now('%') }}", "{{ range(1, 2, 0)|list }}", "{{ nosuch() }}", "{{ range(*[1, 4])|list }}{{ dict(**d).a }}"],
    "messages": ["{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", "{{ messages[2].reasoning_content }}{{ messages[2].thinking }}{{ messages[2]|list }}", "{{ tools is defined }}{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ bos_token }}{{ pad_token }}", "{{ messages }}", "{{ messages[0]['content'] + '\\n' }}{{ messages|length }}{{ messages[-1]['role'] }}{{ messages[1:]|map(attribute='role')|list }}"],
    "not Jinja": ["{{ }}", "{{ 1", "{% if %}{% endif %}", "{% if true %}", "{% endif %}", "{% nosuch %}", "{{ 'a }}", "{{ (1 }}", "{{ 1) }}", "{# a", "{% raw %}a", "{% for x %}{% endfor %}", "{% set 1 = 2 %}", "{% set true = 2 %}", "{{ a b }}", "{{ a. }}", "{{ $ }}", "{{ f(a=1, 2) }}", "{% macro m(a=1, b) %}{% endmacro %}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% do 1 %}", "{% if true %}{% for x in l %}{% endif %}{% endfor %}", "{% macro m() %}{% break %}{% endmacro %}"],
}


def write(name, content):
    (FOLDER / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    features = []
    for feature, templates in FEATURES.items():
        for template in templates:
            request = {"template": template, "messages": MESSAGES, "variables": VARIABLES}
            expected = chat_templates.reference(request)
            features.append({"feature": feature, "template": template, **({"refused": expected["error"]} if "error" in expected else expected)})
    write("features.json", {"versions": chat_templates.versions(), "date": chat_templates.DATE, "messages": MESSAGES, "variables": VARIABLES, "features": features})
    cases = dict(chat_templates.conversations())
    write("conversations.json", {"date": chat_templates.DATE, "conversations": cases})
    for family in FAMILIES:
        source = (FOLDER / f"{family}.jinja").read_text()
        expected = {case: chat_templates.reference({**request, "template": source}) for case, request in cases.items()}
        write(f"{family}.json", {case: {"refused": answer["error"]} if "error" in answer else answer for case, answer in expected.items()})


main()

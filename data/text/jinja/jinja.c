#include "data/text/jinja/jinja.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "data/text/jinja/evaluate.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

static size_t normalize_newlines(char *to, const char *from)
{
    size_t n = 0;
    for (; *from; from++) {
        if (*from == '\r' && from[1] == '\n') continue;
        to[n++] = *from == '\r' ? '\n' : *from;
    }
    if (n && to[n - 1] == '\n') n--;
    to[n] = 0;
    return n;
}

static void require_utf8(Work *w)
{
    utf8proc_int32_t point;
    for (size_t step; w->at < w->n_source; w->at += step) {
        utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)w->source + w->at, (utf8proc_ssize_t)(w->n_source - w->at), &point);
        if (n < 1) jinja_raise(w, "invalid UTF-8");
        step = (size_t)n;
    }
}

static bool parse(Jinja *jinja)
{
    if (setjmp(jinja->work.leave)) return false;
    require_utf8(&jinja->work);
    jinja->body = syntax_parse(&jinja->work, &jinja->marks_generation);
    return true;
}

Status jinja_open(Jinja *jinja, const char *name, const char *source)
{
    jinja->name = memory_string(name);
    jinja->source = memory_new(strlen(source) + 1, 1);
    size_t n = normalize_newlines(jinja->source, source);
    jinja->work = (Work){ .name = jinja->name, .source = jinja->source, .n_source = n };
    if (parse(jinja)) return STATUS_OK;
    jinja_close(jinja);
    return STATUS_INPUT;
}

void jinja_close(Jinja *jinja)
{
    jinja_free(&jinja->work);
    free(jinja->name);
    free(jinja->source);
    *jinja = (Jinja){0};
}

static bool run(Work *w, const Jinja *jinja, JinjaBind *bind, const void *ctx)
{
    if (setjmp(w->leave)) return false;
    w->scope = scope_new(w, NULL);
    bind(w, w->scope, ctx);
    execute(w, jinja->body);
    return true;
}

/* Ranges hold a length in code points, of what a capture held: here they become bytes of the text, and end within it. */
static void settle_spans(ChatText *to)
{
    for (int i = 0; i < to->n_spans; i++) {
        ChatSpan *span = &to->span[i];
        size_t left = span->end - span->begin;
        if (span->begin > to->n) span->begin = to->n;
        for (span->end = span->begin; left && span->end < to->n; left--) span->end += utf8_length(to->text[span->end]);
    }
}

Status jinja_render(const Jinja *jinja, JinjaBind *bind, const void *ctx, const char *date, ChatText *to)
{
    Work *w = memory_new(1, sizeof *w);
    *w = (Work){ .name = jinja->name, .source = jinja->source, .n_source = jinja->work.n_source, .date = date, .spans = to };
    bool done = run(w, jinja, bind, ctx);
    if (done) {
        to->n = w->text.len;
        to->text = buffer_take(&w->text);
        settle_spans(to);
    }
    jinja_free(w);
    free(w);
    return done ? STATUS_OK : STATUS_INPUT;
}

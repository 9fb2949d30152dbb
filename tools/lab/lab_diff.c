// SPDX-License-Identifier: MIT
// Two sets of runs compared.
#include "lab_diff.h"

#include "lab.h"
#include "lab_json.h"
#include "lab_rows.h"
#include "lab_summary.h"

#include <stdlib.h>
#include <string.h>

#define TAGS_MAX 256u
#define DECIDING 2.0 // figures that decide

typedef struct kind {
    const char *name;
    size_t offset;
    bool more_is_better;
} kind_t;

static const kind_t kinds[] = {
    {"hin", offsetof(lab_memory_t, hin), true},    {"hm", offsetof(lab_memory_t, hm), true},
    {"hi", offsetof(lab_memory_t, hi), true},      {"hl", offsetof(lab_memory_t, hl), true},
    {"frag", offsetof(lab_memory_t, frag), false}, {"pf", offsetof(lab_memory_t, pf), true},
    {"pm", offsetof(lab_memory_t, pm), true},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

const char *lab_change_text(lab_change_t change)
{
    static const char *const texts[] = {"same", "better", "worse", "unclear"};
    return texts[change];
}

// The worst of a run, at one tag or (NULL) at all: the last row of a tag would hide a dip before it.
static bool worst_of(const lab_run_t *run, const char *tag, const kind_t *kind, double *value)
{
    bool is_known = false;
    for (uint32_t i = 0; i < run->mems; i++) {
        uint32_t here;
        memcpy(&here, (const char *)&run->mem[i].memory + kind->offset, sizeof here);
        if (here == LAB_UNKNOWN || (tag != NULL && strcmp(run->mem[i].tag, tag) != 0)) {
            continue;
        }
        if (!is_known || (kind->more_is_better ? here < *value : here > *value)) {
            *value = here;
        }
        is_known = true;
    }
    return is_known;
}

static uint32_t collect(const lab_run_t *const *runs, uint32_t count, const char *tag,
                        const kind_t *kind, double *values)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count && found < LAB_SET_MAX; i++) {
        found += worst_of(runs[i], tag, kind, &values[found]) ? 1u : 0u;
    }
    return found;
}

static lab_change_t judge(const lab_figure_t *figure, const kind_t *kind, double factor)
{
    if (figure->test.least_p * factor >= LAB_STATS_ALPHA) {
        return LAB_UNCLEAR;
    }
    if (figure->test.p * factor >= LAB_STATS_ALPHA || figure->delta == 0) {
        return LAB_SAME;
    }
    return (figure->delta > 0) == kind->more_is_better ? LAB_BETTER : LAB_WORSE;
}

typedef struct sides {
    const lab_run_t *const *a, *const *b;
    uint32_t a_count, b_count;
} sides_t;

static int add_figure(lab_diff_t *diff, const sides_t *sides, const char *tag, const kind_t *kind)
{
    double a[LAB_SET_MAX], b[LAB_SET_MAX];
    uint32_t a_count = collect(sides->a, sides->a_count, tag, kind, a);
    uint32_t b_count = collect(sides->b, sides->b_count, tag, kind, b);
    if (a_count == 0 || b_count == 0) {
        return 0;
    }
    lab_figure_t *figure = lab_rows_add(&diff->figure, &diff->figures, sizeof *figure);
    if (figure == NULL) {
        return -1;
    }
    bool is_hin = kind->offset == offsetof(lab_memory_t, hin);
    bool is_frag = kind->offset == offsetof(lab_memory_t, frag);
    (void)snprintf(figure->name, sizeof figure->name, "%s%s%s%s", tag != NULL ? tag : "",
                   tag != NULL ? " " : "", kind->name,
                   tag != NULL            ? ""
                   : kind->more_is_better ? "_min"
                                          : "_max");
    figure->test = lab_mann_whitney(a, a_count, b, b_count);
    figure->a = lab_spread(a, a_count);
    figure->b = lab_spread(b, b_count);
    figure->delta = figure->b.median - figure->a.median;
    figure->decides = tag == NULL && (is_hin || is_frag);
    figure->change = judge(figure, kind, figure->decides ? DECIDING : 1.0);
    return 0;
}

static uint32_t common_tags(const sides_t *sides, const char **tags)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sides->a_count + sides->b_count; i++) {
        const lab_run_t *run = i < sides->a_count ? sides->a[i] : sides->b[i - sides->a_count];
        const char *own[TAGS_MAX];
        uint32_t owns = lab_run_tags(run, own, TAGS_MAX);
        for (uint32_t k = 0; k < owns; k++) {
            uint32_t at = 0;
            while (at < count && strcmp(tags[at], own[k]) != 0) {
                at++;
            }
            if (at == count && count < TAGS_MAX) {
                tags[count++] = own[k];
            }
        }
    }
    return count;
}

static lab_change_t decide(const lab_diff_t *diff)
{
    lab_change_t change = LAB_SAME;
    bool is_any = false;
    for (uint32_t i = 0; i < diff->figures; i++) {
        lab_change_t one = diff->figure[i].change;
        if (!diff->figure[i].decides) {
            continue;
        }
        is_any = true;
        bool is_graver = one == LAB_WORSE || (one == LAB_UNCLEAR && change != LAB_WORSE) ||
                         (one == LAB_BETTER && change == LAB_SAME);
        change = is_graver ? one : change;
    }
    return is_any ? change : LAB_UNCLEAR;
}

int lab_diff_make(lab_diff_t *diff, const lab_run_t *const *a, uint32_t a_count,
                  const lab_run_t *const *b, uint32_t b_count)
{
    const sides_t sides = {.a = a, .b = b, .a_count = a_count, .b_count = b_count};
    const char *tags[TAGS_MAX];
    int status = 0;
    memset(diff, 0, sizeof *diff);
    for (size_t k = 0; k < KINDS; k++) {
        status |= add_figure(diff, &sides, NULL, &kinds[k]);
    }
    uint32_t count = common_tags(&sides, tags);
    for (uint32_t i = 0; i < count; i++) {
        for (size_t k = 0; k < KINDS; k++) {
            status |= add_figure(diff, &sides, tags[i], &kinds[k]);
        }
    }
    diff->change = decide(diff);
    return status;
}

void lab_diff_free(lab_diff_t *diff)
{
    free(diff->figure);
    memset(diff, 0, sizeof *diff);
}

int lab_diff_verdict(const lab_diff_t *diff)
{
    return diff->change == LAB_WORSE     ? LAB_FINDING
           : diff->change == LAB_UNCLEAR ? LAB_INCONCLUSIVE
                                         : LAB_PASS;
}

// ---- telling --------------------------------------------------------------------------------------------------------

static void spread_text(const lab_spread_t *spread, char out[64])
{
    if (spread->least == spread->most) {
        (void)snprintf(out, 64, "%.0f", spread->median);
    } else {
        (void)snprintf(out, 64, "%.0f (%.0f-%.0f)", spread->median, spread->least, spread->most);
    }
}

static void print_json(FILE *out, const lab_diff_t *diff, const char *a, const char *b)
{
    lab_text_t text = {0}, list = {0};
    lab_object_t whole, object;
    for (uint32_t i = 0; i < diff->figures; i++) {
        const lab_figure_t *figure = &diff->figure[i];
        lab_text_put(&list, i == 0 ? "[" : ", ");
        lab_object_begin(&object);
        lab_object_string(&object, "name", figure->name);
        lab_object_real(&object, "a_median", figure->a.median);
        lab_object_real(&object, "a_least", figure->a.least);
        lab_object_real(&object, "a_most", figure->a.most);
        lab_object_number(&object, "a_count", figure->a.count);
        lab_object_real(&object, "b_median", figure->b.median);
        lab_object_real(&object, "b_least", figure->b.least);
        lab_object_real(&object, "b_most", figure->b.most);
        lab_object_number(&object, "b_count", figure->b.count);
        lab_object_real(&object, "delta", figure->delta);
        lab_object_real(&object, "p", figure->test.p);
        lab_object_bool(&object, "decides", figure->decides);
        lab_object_string(&object, "change", lab_change_text(figure->change));
        lab_object_end(&object, &list);
    }
    lab_text_put(&list, diff->figures == 0 ? "[]" : "]");
    lab_object_begin(&whole);
    lab_object_string(&whole, "a", a);
    lab_object_string(&whole, "b", b);
    lab_object_raw(&whole, "figures", list.text != NULL ? list.text : "[]", list.length);
    lab_object_string(&whole, "verdict", lab_change_text(diff->change));
    lab_object_end(&whole, &text);
    if (!text.failed && !list.failed) {
        (void)fprintf(out, "%s\n", text.text);
    }
    lab_text_free(&list);
    lab_text_free(&text);
}

static void print_figure(FILE *out, const lab_figure_t *figure, bool is_markdown)
{
    char a[64], b[64];
    spread_text(&figure->a, a);
    spread_text(&figure->b, b);
    if (is_markdown) {
        (void)fprintf(out, "| %s%s%s | %s | %s | %+.0f | %.3f | %s |\n",
                      figure->decides ? "**" : "", figure->name, figure->decides ? "**" : "", a, b,
                      figure->delta, figure->test.p, lab_change_text(figure->change));
    } else {
        (void)fprintf(out, "  %-28s %26s %26s %+10.0f  p %.3f  %s\n", figure->name, a, b,
                      figure->delta, figure->test.p, lab_change_text(figure->change));
    }
}

static void print_verdict(FILE *out, const lab_diff_t *diff)
{
    uint32_t a = 0, b = 0;
    for (uint32_t i = 0; i < diff->figures; i++) {
        a = diff->figure[i].a.count > a ? diff->figure[i].a.count : a;
        b = diff->figure[i].b.count > b ? diff->figure[i].b.count : b;
    }
    (void)fprintf(out, "%s", lab_change_text(diff->change));
    if (diff->change == LAB_UNCLEAR) {
        (void)fprintf(out,
                      ": %u runs against %u are too few to tell a difference from chance (5 and 5 "
                      "are enough)",
                      a, b);
    }
    (void)fputc('\n', out);
}

void lab_diff_print(FILE *out, const lab_diff_t *diff, const char *a, const char *b,
                    lab_form_t form)
{
    if (form == LAB_FORM_JSON) {
        print_json(out, diff, a, b);
        return;
    }
    if (form == LAB_FORM_MARKDOWN) {
        (void)fprintf(out, "| figure | A: %s | B: %s | Δ | p | |\n|---|---:|---:|---:|---:|---|\n",
                      a, b);
    } else {
        (void)fprintf(out, "A: %s\nB: %s\n  %-28s %26s %26s %10s\n", a, b,
                      "figure: median (least-most)", "A", "B", "B - A");
    }
    for (uint32_t i = 0; i < diff->figures; i++) {
        const lab_figure_t *figure = &diff->figure[i];
        bool is_whole = strchr(figure->name, ' ') == NULL;
        if (is_whole || figure->delta != 0) {
            print_figure(out, figure, form == LAB_FORM_MARKDOWN);
        }
    }
    (void)fputs(form == LAB_FORM_MARKDOWN ? "\nVerdict (hin_min, frag_max): " : "verdict: ", out);
    print_verdict(out, diff);
}

void lab_repeat_print(FILE *out, const lab_run_t *const *runs, uint32_t count)
{
    (void)fprintf(out, "%u runs\n  %-12s %12s %12s %12s %22s\n", count, "figure", "median", "least",
                  "most", "middle half");
    for (size_t k = 0; k < KINDS; k++) {
        double values[LAB_SET_MAX];
        uint32_t found = collect(runs, count, NULL, &kinds[k], values);
        lab_spread_t spread = lab_spread(values, found);
        if (found > 0) {
            char figure[16];
            (void)snprintf(figure, sizeof figure, "%s%s", kinds[k].name,
                           kinds[k].more_is_better ? "_min" : "_max");
            (void)fprintf(out, "  %-12s %12.0f %12.0f %12.0f %10.0f - %9.0f\n", figure,
                          spread.median, spread.least, spread.most, spread.quartile_low,
                          spread.quartile_high);
        }
    }
}

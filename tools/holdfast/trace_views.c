// SPDX-License-Identifier: MIT
// What holdfast trace prints: the summary, who holds what at the end, and the proposed tier table.
#include "holdfast.h"
#include "holdfast/hf_advice.h"
#include "holdfast/hf_pool.h"
#include "trace_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CALLERS_SHOWN 20u
#define KCONFIG_TIERS 5u

static double per_second(const trace_model_t *model, uint64_t count)
{
    return model->time_ms == 0 ? 0 : (double)count * 1000.0 / (double)model->time_ms;
}

static void show_doubts(const trace_model_t *model)
{
    if (model->reader.missing > 0) {
        printf("%" PRIu64 " entries are missing: the ring was overwritten before it was read\n",
               model->reader.missing);
    }
    if (model->displaced > 0 || model->unknown > 0) {
        printf("%" PRIu64 " takes of a block that was held, %" PRIu64
               " gives of one that was not: their other half is missing\n",
               model->displaced, model->unknown);
    }
    if (model->overflow > 0) {
        printf("%" PRIu64 " takes left out: more than %u blocks at once\n", model->overflow,
               TRACE_HELD_MAX);
    }
}

static void show_pools(const trace_model_t *model)
{
    printf("\n%-16s %8s %6s %10s %10s %8s %6s %6s %6s %10s %12s %12s\n", "pool", "bytes", "count",
           "takes", "gives", "refused", "wrong", "held", "peak", "takes/s", "held mean ms",
           "held max ms");
    for (uint32_t id = 0; id < TRACE_POOLS; id++) {
        const trace_pool_t *pool = model->pool[id];
        if (pool == NULL) {
            continue;
        }
        printf("%-16s %8u %6u %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %6" PRIu64
               " %6u %6u %10.3f %12u %12u\n",
               pool->name, pool->block_bytes, pool->count, pool->takes, pool->gives, pool->refused,
               pool->wrong, pool->held, pool->peak_held, per_second(model, pool->takes),
               hf_hold_mean_ms(&pool->hold), pool->hold.max_ms);
    }
}

static void show_sizes(const trace_model_t *model)
{
    printf("\n%17s %10s %10s %8s %8s %8s\n", "asked for, B", "largest", "takes", "held", "peak",
           "refused");
    for (uint32_t i = 0; i < HF_HISTOGRAM_BUCKETS; i++) {
        hf_histogram_view_t view = hf_histogram_view(&model->histogram, i);
        if (view.takes == 0 && view.refused == 0) {
            continue;
        }
        printf("%8u-%8u %10u %10u %8u %8u %8u\n", view.least_bytes,
               i + 1u < HF_HISTOGRAM_BUCKETS ? view.most_bytes : view.largest_bytes,
               view.largest_bytes, view.takes, view.held, view.peak_held, view.refused);
    }
}

void trace_show(const trace_model_t *model)
{
    printf("%" PRIu64 " entries over %.3f s: %" PRIu64 " takes, %" PRIu64 " gives, %" PRIu64
           " refused, %" PRIu64 " wrong gives, %u restarts\n",
           model->reader.entries, (double)model->time_ms / 1000.0, model->kinds[HF_TRACE_TAKE],
           model->kinds[HF_TRACE_GIVE], model->kinds[HF_TRACE_REFUSED],
           model->kinds[HF_TRACE_WRONG], model->reader.restarts);
    printf("held at the end %u blocks, %" PRIu64 " B; at most %u blocks, %" PRIu64 " B\n",
           model->live.count, model->live.bytes, model->live.peak_count, model->live.peak_bytes);
    show_doubts(model);
    show_pools(model);
    show_sizes(model);
}

/// What one owner holds: by pool, tag and caller.
typedef struct holding {
    uint16_t pool;
    uint8_t tag;
    uint32_t caller, blocks, oldest_ms;
    uint64_t bytes;
} holding_t;

static int compare_owners(const void *a, const void *b)
{
    const holding_t *x = a, *y = b;
    if (x->pool != y->pool) {
        return x->pool < y->pool ? -1 : 1;
    }
    if (x->tag != y->tag) {
        return x->tag < y->tag ? -1 : 1;
    }
    return x->caller == y->caller ? 0 : x->caller < y->caller ? -1 : 1;
}

static int compare_bytes(const void *a, const void *b)
{
    const holding_t *x = a, *y = b;
    return x->bytes == y->bytes ? compare_owners(a, b) : x->bytes > y->bytes ? -1 : 1;
}

/// One holding per block, then those of one owner made one; returns how many.
static uint32_t collect(const trace_model_t *model, holding_t *holdings)
{
    uint32_t blocks = 0, count = 0;
    for (uint32_t id = 0; id < model->live.capacity; id++) {
        const hf_live_block_t *at = &model->live.blocks[id];
        if (at->is_used) {
            holdings[blocks++] = (holding_t){.pool = at->pool,
                                             .tag = at->tag,
                                             .caller = at->caller,
                                             .blocks = 1,
                                             .oldest_ms = model->last_ms - at->taken_ms,
                                             .bytes = at->bytes};
        }
    }
    qsort(holdings, blocks, sizeof *holdings, compare_owners);
    for (uint32_t i = 0; i < blocks; i++) {
        holding_t *last = count > 0 ? &holdings[count - 1u] : NULL;
        if (last == NULL || compare_owners(last, &holdings[i]) != 0) {
            holdings[count++] = holdings[i];
            continue;
        }
        last->blocks++;
        last->bytes += holdings[i].bytes;
        if (holdings[i].oldest_ms > last->oldest_ms) {
            last->oldest_ms = holdings[i].oldest_ms;
        }
    }
    qsort(holdings, count, sizeof *holdings, compare_bytes);
    return count;
}

void trace_census(const trace_model_t *model)
{
    holding_t *holdings = calloc(model->live.count + 1u, sizeof *holdings);
    if (holdings == NULL) {
        abort();
    }
    uint32_t count = collect(model, holdings);
    printf("%u blocks, %" PRIu64 " B are held at the end, by %u owners\n", model->live.count,
           model->live.bytes, count);
    show_doubts(model);
    printf("\n%-16s %-16s %-10s %8s %10s %12s\n", "pool", "owner", "caller", "blocks", "bytes",
           "oldest, ms");
    for (uint32_t i = 0; i < count && i < CALLERS_SHOWN; i++) {
        const holding_t *at = &holdings[i];
        char owner[HF_RECORD_NAME_BYTES + 1u];
        (void)snprintf(owner, sizeof owner, "%u", (unsigned)at->tag);
        printf("%-16s %-16s 0x%08x %8u %10" PRIu64 " %12u\n", model->pool[at->pool]->name,
               model->tag_name[at->tag][0] != '\0' ? model->tag_name[at->tag] : owner, at->caller,
               at->blocks, at->bytes, at->oldest_ms);
    }
    if (count > CALLERS_SHOWN) {
        printf("and %u owners more\n", count - CALLERS_SHOWN);
    }
    free(holdings);
}

/// The classes of the advice: buckets that were held, and peaks of their runs.
typedef struct classes {
    const trace_model_t *model;
    uint32_t bytes[HF_HISTOGRAM_BUCKETS];
    uint32_t bucket[HF_HISTOGRAM_BUCKETS];
    uint32_t count;
} classes_t;

static uint32_t peak_of_run(void *ctx, uint32_t first, uint32_t last)
{
    const classes_t *classes = ctx;
    return classes->model->run_peak[classes->bucket[first]][classes->bucket[last]];
}

static void collect_classes(const trace_model_t *model, classes_t *classes)
{
    *classes = (classes_t){.model = model};
    for (uint32_t i = 0; i < HF_HISTOGRAM_BUCKETS; i++) {
        hf_histogram_view_t view = hf_histogram_view(&model->histogram, i);
        if (view.peak_held > 0 && view.largest_bytes > 0) {
            classes->bytes[classes->count] = view.largest_bytes;
            classes->bucket[classes->count++] = i;
        }
    }
}

static void print_need(const char *what, uint64_t need, uint64_t peak_bytes)
{
    uint64_t waste = need > peak_bytes ? need - peak_bytes : 0;
    printf("%-8s need %" PRIu64 " B, of which %" PRIu64 " B (%.1f %%) waste at the peak\n", what,
           need, waste, need == 0 ? 0 : 100.0 * (double)waste / (double)need);
}

static void print_before(const trace_model_t *model)
{
    uint64_t need = 0;
    for (uint32_t id = 0; id < TRACE_POOLS; id++) {
        if (model->pool[id] != NULL) {
            need += HF_POOL_STRIDE((uint64_t)model->pool[id]->block_bytes) * model->pool[id]->count;
        }
    }
    if (need > 0) {
        print_need("before:", need, model->live.peak_bytes);
    } else {
        printf("before: the file does not say what its pools are\n");
    }
}

static void print_kconfig(const hf_advice_tier_t *tiers, uint32_t count)
{
    printf("\n# for Kconfig, preset `configured`\n");
    for (uint32_t i = 0; i < KCONFIG_TIERS; i++) {
        if (i < count) {
            printf("CONFIG_HF_TIER%u_BYTES=%u\n", i + 1u, tiers[i].block_bytes);
        }
        printf("CONFIG_HF_TIER%u_COUNT=%u\n", i + 1u, i < count ? tiers[i].count : 0);
    }
}

/// Why a table cannot be configured so; NULL when it can.
static const char *unfit(const hf_advice_tier_t *tiers, uint32_t count)
{
    if (count > KCONFIG_TIERS) {
        return "Kconfig has five tiers: no lines for it";
    }
    for (uint32_t i = 0; i < count; i++) {
        if (tiers[i].count > HF_POOL_COUNT_MAX) {
            return "a tier has more blocks than a pool holds: no lines for Kconfig";
        }
        if (tiers[i].block_bytes > 65536u) {
            return "a block is larger than Kconfig permits: no lines for it";
        }
    }
    return NULL;
}

int trace_advise(const trace_model_t *model, uint32_t tiers_max, uint32_t headroom_percent)
{
    static hf_advice_work_t work;
    hf_advice_tier_t tiers[HF_ADVICE_TIERS_MAX];
    classes_t classes;
    collect_classes(model, &classes);
    const hf_advice_config_t config = {.class_count = classes.count,
                                       .tiers_max = tiers_max,
                                       .headroom_percent = headroom_percent,
                                       .class_bytes = classes.bytes,
                                       .peak = peak_of_run,
                                       .ctx = &classes};
    int count = classes.count == 0 ? HF_E_EMPTY : hf_advice_tiers(&config, &work, tiers);
    if (count < 0) {
        return tool_fail(TOOL_FAILED, "trace", "no advice: %s", hf_status_text(count));
    }
    printf("at most %" PRIu64 " B were held at once, in %u blocks\n", model->live.peak_bytes,
           model->live.peak_count);
    show_doubts(model);
    if (model->kinds[HF_TRACE_REFUSED] > 0) {
        printf("%" PRIu64 " takes were refused: the peaks would have been higher\n",
               model->kinds[HF_TRACE_REFUSED]);
    }
    print_before(model);
    print_need("after:", hf_advice_need_bytes(tiers, (uint32_t)count), model->live.peak_bytes);
    printf("\n%-6s %12s %8s\n", "tier", "block, B", "blocks");
    for (int i = 0; i < count; i++) {
        printf("%-6d %12u %8u\n", i + 1, tiers[i].block_bytes, tiers[i].count);
    }
    const char *reason = unfit(tiers, (uint32_t)count);
    if (reason != NULL) {
        printf("\n# %s\n", reason);
    } else {
        print_kconfig(tiers, (uint32_t)count);
    }
    return TOOL_GOOD;
}

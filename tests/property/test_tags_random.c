// SPDX-License-Identifier: MIT
// The local list's table and the cache against models of a few lines, over thousands of random updates, reopened at random.
// And the table at its full size: 10,000 tags, in messages of the length that one may have.
#include "evse/evse_auth.h"
#include "hf_flash_ram.h"
#include "hf_test.h"

#include <stdlib.h>

#define NAMES         40u
#define SEGMENT_BYTES (48u + 24u * 48u) // 24 tags
#define BIG_TAGS      10000u
#define BIG_BYTES     (48u + BIG_TAGS * 48u)

static uint8_t memory[2 * BIG_BYTES];
static hf_flash_ram_t ram;
static hf_flash_t flash;
static uint32_t seed;

static uint32_t draw(uint32_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % bound;
}

static evse_tag_flash_t blank_flash(uint32_t segment_bytes)
{
    const hf_flash_ram_config_t config = {
        .memory = memory, .segment_bytes = segment_bytes, .segment_count = 2, .program_bytes = 16};
    CHECK_EQ(hf_flash_ram_init(&ram, &config), 0);
    flash = hf_flash_ram_seam(&ram);
    return (evse_tag_flash_t){.flash = &flash};
}

// ---- the model: a status and an expiry per name; none: -1 ----

typedef struct model {
    int status[NAMES];
    uint64_t expires_ms[NAMES];
    int version;
} model_t;

/// In ascending order, letters in either case.
static void name_of(unsigned index, char *id)
{
    snprintf(id, EVSE_ID_TAG_BYTES, "%s%02u", draw(2) ? "tag" : "TAG", index);
}

typedef struct changes {
    unsigned at;
    uint64_t touched, removed; // bit per name
    const model_t *model;
} changes_t;

static bool next_change(void *ctx, evse_tag_change_t *change)
{
    changes_t *changes = ctx;
    while (changes->at < NAMES && (changes->touched >> changes->at & 1u) == 0) {
        changes->at++;
    }
    if (changes->at == NAMES) {
        return false;
    }
    unsigned i = changes->at++;
    *change = (evse_tag_change_t){.is_removed = (changes->removed >> i & 1u) != 0};
    name_of(i, change->tag.id);
    change->tag.info.status = (evse_tag_status_t)changes->model->status[i];
    change->tag.info.expires_utc_ms = changes->model->expires_ms[i];
    return true;
}

static unsigned count_of(const model_t *model)
{
    unsigned count = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        count += model->status[i] >= 0 ? 1u : 0u;
    }
    return count;
}

static void compare(evse_tags_t *tags, const model_t *model)
{
    CHECK_EQ(tags->count, count_of(model));
    CHECK_EQ(tags->version, count_of(model) == 0 ? 0 : model->version);
    unsigned position = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        char id[EVSE_ID_TAG_BYTES];
        evse_tag_info_t info = {0};
        evse_tag_t tag;
        name_of(i, id);
        int status = evse_tags_find(tags, id, &info);
        CHECK_EQ(status, model->status[i] < 0 ? HF_E_NOT_FOUND : HF_OK);
        if (status == HF_OK) {
            CHECK_EQ(info.status, model->status[i]);
            CHECK_EQ(info.expires_utc_ms, model->expires_ms[i]);
            CHECK_EQ(evse_tags_at(tags, position++, &tag), 0);
            CHECK(evse_tag_is_same(tag.id, id));
        }
    }
}

/// What the update is to be, and the model after it.
static changes_t draw_update(const model_t *model, model_t *after, bool is_full)
{
    changes_t changes = {.model = after};
    *after = *model;
    for (unsigned i = 0; i < NAMES; i++) {
        if (is_full) {
            after->status[i] = -1;
        }
        if (draw(4) != 0) {
            continue;
        }
        bool remove = draw(3) == 0;
        changes.touched |= 1ull << i;
        changes.removed |= remove ? 1ull << i : 0;
        after->status[i] = remove ? -1 : (int)draw(EVSE_TAG_STATUS_COUNT);
        after->expires_ms[i] = 1000ull * draw(3);
    }
    after->version = model->version + 1 + (int)draw(5);
    return changes;
}

static void tags_random_updates_agree_with_a_model(void)
{
    for (uint32_t run = 1; run <= 40 && hf_test_failed_here == 0; run++) {
        seed = run * 2654435761u;
        evse_tag_flash_t at = blank_flash(SEGMENT_BYTES);
        evse_tags_t tags;
        model_t model = {.version = 1}, after;
        memset(model.status, 0xFF, sizeof model.status);
        CHECK_EQ(evse_tags_open(&tags, &at, 1000), 0);
        unsigned full = 0;
        for (unsigned step = 0; step < 100; step++) {
            bool is_full = draw(6) == 0;
            changes_t changes = draw_update(&model, &after, is_full);
            const evse_tag_changes_t source = {.next = next_change, .ctx = &changes};
            int status = evse_tags_update(&tags, after.version, is_full, &source);
            CHECK_EQ(status, count_of(&after) > 24 ? HF_E_FULL : HF_OK);
            CHECK_EQ(evse_tags_poll(&tags), 0);
            full += status == HF_E_FULL ? 1u : 0u;
            model = status == HF_OK ? after : model;
            if (draw(4) == 0) {
                CHECK_EQ(evse_tags_open(&tags, &at, 1000), 0);
            }
            compare(&tags, &model);
        }
        CHECK(full < 90);
        CHECK_EQ(ram.overwrites + ram.misuses, 0);
        if (hf_test_failed_here != 0) {
            printf("  seed %u\n", run);
        }
    }
}

// ---- the cache: a list in the order of use, 8 tags ----

typedef struct use {
    unsigned name;
    int status;
} use_t;

typedef struct cache_model {
    use_t use[16];
    unsigned count;
} cache_model_t;

static int position_of(const cache_model_t *model, unsigned name)
{
    for (unsigned i = 0; i < model->count; i++) {
        if (model->use[i].name == name) {
            return (int)i;
        }
    }
    return -1;
}

static use_t take_out(cache_model_t *model, unsigned position)
{
    use_t use = model->use[position];
    memmove(&model->use[position], &model->use[position + 1],
            (model->count - position - 1) * sizeof use);
    model->count--;
    return use;
}

static void make_room(cache_model_t *model)
{
    for (unsigned i = 0; i < model->count; i++) {
        if (model->use[i].status != EVSE_TAG_Accepted &&
            model->use[i].status != EVSE_TAG_ConcurrentTx) {
            (void)take_out(model, i);
            return;
        }
    }
    (void)take_out(model, 0);
}

static void put_both(evse_tag_cache_t *cache, cache_model_t *model, unsigned name)
{
    evse_tag_t tag = {.info.status = (evse_tag_status_t)draw(EVSE_TAG_STATUS_COUNT)};
    name_of(name, tag.id);
    CHECK_EQ(evse_tag_cache_put(cache, &tag, 0), 0);
    int position = position_of(model, name);
    if (position >= 0) {
        (void)take_out(model, (unsigned)position);
    } else if (model->count == 12) {
        make_room(model);
    }
    model->use[model->count++] = (use_t){.name = name, .status = (int)tag.info.status};
}

static void find_both(evse_tag_cache_t *cache, cache_model_t *model, unsigned name)
{
    char id[EVSE_ID_TAG_BYTES];
    evse_tag_info_t info = {0};
    name_of(name, id);
    int position = position_of(model, name);
    CHECK_EQ(evse_tag_cache_find(cache, id, &info), position < 0 ? HF_E_NOT_FOUND : HF_OK);
    if (position >= 0) {
        CHECK_EQ(info.status, model->use[position].status);
        use_t use = take_out(model, (unsigned)position);
        model->use[model->count++] = use;
    }
}

static void cache_random_use_agrees_with_a_model(void)
{
    for (uint32_t run = 1; run <= 40 && hf_test_failed_here == 0; run++) {
        seed = run * 2654435761u;
        evse_tag_flash_t at = blank_flash(SEGMENT_BYTES); // 24 slots, 12 tags
        evse_tag_cache_t cache;
        cache_model_t model = {.count = 0};
        CHECK_EQ(evse_tag_cache_open(&cache, &at), 0);
        CHECK_EQ(cache.capacity, 12);
        for (unsigned step = 0; step < 1000; step++) {
            unsigned name = draw(20);
            uint32_t choice = draw(100);
            if (choice == 0) {
                CHECK_EQ(evse_tag_cache_clear(&cache), 0);
                model.count = 0;
            } else if (choice < 50) {
                put_both(&cache, &model, name);
            } else {
                find_both(&cache, &model, name);
            }
            while (cache.is_dirty || cache.is_syncing) {
                CHECK_EQ(evse_tag_cache_poll(&cache), 0);
            }
            CHECK_EQ(cache.count, model.count);
        }
        CHECK(cache.compactions > 5);
        CHECK_EQ(ram.overwrites + ram.misuses, 0);
        if (hf_test_failed_here != 0) {
            printf("  seed %u\n", run);
        }
    }
}

// ---- full size ----

typedef struct run {
    uint32_t from, to;
} run_t;

static bool next_of_run(void *ctx, evse_tag_change_t *change)
{
    run_t *run = ctx;
    if (run->from == run->to) {
        return false;
    }
    *change = (evse_tag_change_t){.tag.info.status =
                                      run->from % 7 == 0 ? EVSE_TAG_Blocked : EVSE_TAG_Accepted};
    snprintf(change->tag.id, EVSE_ID_TAG_BYTES, "%08u", (unsigned)run->from++ * 3u);
    return true;
}

static void tags_ten_thousand_come_in_messages_and_are_found(void)
{
    evse_tag_flash_t at = blank_flash(BIG_BYTES);
    evse_tags_t tags;
    CHECK_EQ(evse_tags_open(&tags, &at, BIG_TAGS), 0);
    CHECK_EQ(tags.capacity, BIG_TAGS);
    int32_t version = 0;
    for (uint32_t from = 0; from < BIG_TAGS; from += 100) {
        run_t run = {.from = from, .to = from + 100};
        const evse_tag_changes_t changes = {.next = next_of_run, .ctx = &run};
        CHECK_EQ(evse_tags_update(&tags, ++version, from == 0, &changes), 0);
        CHECK_EQ(evse_tags_poll(&tags), 0);
    }
    CHECK_EQ(evse_tags_open(&tags, &at, BIG_TAGS), 0);
    CHECK_EQ(tags.count, BIG_TAGS);
    CHECK_EQ(tags.version, 100);
    uint32_t worst = 0;
    for (uint32_t i = 0; i < 3 * BIG_TAGS; i++) {
        char id[EVSE_ID_TAG_BYTES];
        evse_tag_info_t info = {0};
        snprintf(id, sizeof id, "%08u", (unsigned)i);
        uint32_t before = tags.reads;
        int status = evse_tags_find(&tags, id, &info);
        CHECK_EQ(status, i % 3 == 0 ? HF_OK : HF_E_NOT_FOUND);
        CHECK_EQ(info.status == EVSE_TAG_Blocked, i % 21 == 0);
        worst = tags.reads - before > worst ? tags.reads - before : worst;
    }
    CHECK_EQ(worst, 14);
    CHECK(sizeof(evse_tags_t) < 100); // no index in memory
    run_t one = {.from = BIG_TAGS, .to = BIG_TAGS + 1};
    const evse_tag_changes_t changes = {.next = next_of_run, .ctx = &one};
    CHECK_EQ(evse_tags_update(&tags, ++version, false, &changes), HF_E_FULL);
    CHECK_EQ(ram.overwrites + ram.misuses, 0);
}

HF_TEST_MAIN(HF_TEST(tags_random_updates_agree_with_a_model),
             HF_TEST(cache_random_use_agrees_with_a_model),
             HF_TEST(tags_ten_thousand_come_in_messages_and_are_found))

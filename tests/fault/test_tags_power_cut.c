// SPDX-License-Identifier: MIT
// Power lost at every byte and every erase of an update of the local list, and of the cache's writing, on flash that keeps
// every byte programmed and on a disk that loses unsynced pages in any order: the list is the old one or the new one.
#include "evse/evse_auth.h"
#include "hf_flash_ram.h"
#include "hf_test.h"

#define SEGMENT_BYTES 2048u

static uint8_t memory[2 * SEGMENT_BYTES], durable[2 * SEGMENT_BYTES], start[2 * SEGMENT_BYTES];
static hf_flash_ram_t ram;
static hf_flash_t flash;
static evse_tag_flash_t at;

static void use_flash(bool is_disk)
{
    const hf_flash_ram_config_t config = {.memory = memory,
                                          .durable = is_disk ? durable : NULL,
                                          .segment_bytes = SEGMENT_BYTES,
                                          .segment_count = 2,
                                          .program_bytes = 4};
    CHECK_EQ(hf_flash_ram_init(&ram, &config), 0);
    flash = hf_flash_ram_seam(&ram);
    at = (evse_tag_flash_t){.flash = &flash};
}

/// A list as a range of names, every name with the status of its list.
typedef struct range {
    unsigned from, to;
    evse_tag_status_t status;
} range_t;

static bool next_of_range(void *ctx, evse_tag_change_t *change)
{
    range_t *range = ctx;
    if (range->from == range->to) {
        return false;
    }
    *change = (evse_tag_change_t){.tag.info.status = range->status};
    snprintf(change->tag.id, EVSE_ID_TAG_BYTES, "TAG%02u", range->from++);
    return true;
}

static int update(evse_tags_t *tags, int32_t version, bool is_full, range_t range)
{
    const evse_tag_changes_t changes = {.next = next_of_range, .ctx = &range};
    int status = evse_tags_update(tags, version, is_full, &changes);
    while (status == HF_OK && (status = evse_tags_poll(tags)) == HF_E_AGAIN) {
        status = HF_OK;
    }
    return status;
}

static bool is_range(evse_tags_t *tags, unsigned index, unsigned from, unsigned to,
                     evse_tag_status_t status)
{
    for (unsigned i = from; i < to; i++) {
        evse_tag_t tag;
        char id[EVSE_ID_TAG_BYTES];
        snprintf(id, sizeof id, "TAG%02u", i);
        if (evse_tags_at(tags, index + i - from, &tag) != HF_OK || strcmp(tag.id, id) != 0 ||
            tag.info.status != status) {
            return false;
        }
    }
    return true;
}

// Version 2 is 10 to 29 Accepted; version 3 makes 20 to 35 Blocked.
static bool is_old(evse_tags_t *tags)
{
    return tags->version == 2 && tags->count == 20 && is_range(tags, 0, 10, 30, EVSE_TAG_Accepted);
}

static bool is_new(evse_tags_t *tags)
{
    return tags->version == 3 && tags->count == 26 &&
           is_range(tags, 0, 10, 20, EVSE_TAG_Accepted) &&
           is_range(tags, 10, 20, 36, EVSE_TAG_Blocked);
}

/// Cuts the update at one step. True when there was such a step. Counts what was found afterwards.
static bool cut_update(uint64_t step, bool is_disk, uint32_t chance, unsigned found[2])
{
    evse_tags_t tags;
    use_flash(is_disk);
    memcpy(memory, start, sizeof memory);
    hf_flash_ram_power_on(&ram);
    CHECK_EQ(evse_tags_open(&tags, &at, 100), 0);
    CHECK(is_old(&tags));
    ram.cut_at = ram.steps + step;
    ram.cut_garbage = (step + chance) % 3 == 0;
    ram.seed = (uint32_t)step * 2654435761u + chance + 1u;
    int status = update(&tags, 3, false, (range_t){20, 36, EVSE_TAG_Blocked});
    bool was_cut = ram.power_lost;
    CHECK_EQ(status, was_cut ? HF_E_IO : HF_OK);
    if (!was_cut && chance > 0) { // all is synced: nothing may be lost
        hf_flash_ram_power_off(&ram);
    }
    hf_flash_ram_power_on(&ram);
    CHECK_EQ(evse_tags_open(&tags, &at, 100), 0);
    bool old = is_old(&tags);
    CHECK(old || is_new(&tags));
    CHECK(was_cut || !old);
    CHECK_EQ(tags.damaged, false);
    found[old ? 0 : 1]++;
    CHECK_EQ(update(&tags, 4, true, (range_t){0, 5, EVSE_TAG_Accepted}), 0); // and it goes on
    CHECK_EQ(evse_tags_open(&tags, &at, 100), 0);
    CHECK(tags.version == 4 && is_range(&tags, 0, 0, 5, EVSE_TAG_Accepted));
    if (hf_test_failed_here != 0) {
        printf("  step %llu, disk %d, chance %u\n", (unsigned long long)step, is_disk, chance);
    }
    return was_cut;
}

static void prepare(void)
{
    evse_tags_t tags;
    use_flash(false);
    CHECK_EQ(evse_tags_open(&tags, &at, 100), 0);
    CHECK_EQ(update(&tags, 1, true, (range_t){0, 40, EVSE_TAG_Invalid}), 0);
    CHECK_EQ(update(&tags, 2, true, (range_t){10, 30, EVSE_TAG_Accepted}), 0);
    memcpy(start, memory, sizeof start);
}

static void tags_power_cut_at_every_byte_leaves_the_old_or_the_new_list(void)
{
    unsigned found[2] = {0, 0};
    uint64_t step = 0;
    prepare();
    while (hf_test_failed_here == 0 && cut_update(step, false, 0, found)) {
        step++;
    }
    CHECK_EQ(step, 1 + 27 * 48); // an erase, 26 tags and a header
    CHECK(found[0] >= step);
}

static void tags_unsynced_pages_lost_in_any_order_leave_the_old_or_the_new_list(void)
{
    unsigned found[2] = {0, 0};
    prepare();
    for (uint64_t step = 0; step < 1 + 27 * 48 + 3 && hf_test_failed_here == 0; step += 3) {
        for (uint32_t chance = 1; chance <= 8; chance++) {
            (void)cut_update(step, true, chance, found);
        }
    }
    CHECK(found[0] > 100 && found[1] > 0);
}

// The pages of a copy that is whole in the cache of a kernel may be lost too, before the sync is over.
static void tags_cut_before_the_sync_is_over_leaves_the_old_or_the_new_list(void)
{
    unsigned old = 0, fresh = 0;
    prepare();
    for (uint32_t chance = 1; chance <= 200 && hf_test_failed_here == 0; chance++) {
        evse_tags_t tags;
        use_flash(true);
        memcpy(memory, start, sizeof memory);
        hf_flash_ram_power_on(&ram);
        CHECK_EQ(evse_tags_open(&tags, &at, 100), 0);
        ram.sync_polls = 1000;
        range_t range = {20, 36, EVSE_TAG_Blocked};
        const evse_tag_changes_t changes = {.next = next_of_range, .ctx = &range};
        CHECK_EQ(evse_tags_update(&tags, 3, false, &changes), 0);
        CHECK_EQ(evse_tags_poll(&tags), HF_E_AGAIN);
        CHECK(is_old(&tags)); // in force until it is durable
        ram.seed = chance;
        hf_flash_ram_power_off(&ram);
        hf_flash_ram_power_on(&ram);
        ram.sync_polls = 0;
        CHECK_EQ(evse_tags_open(&tags, &at, 100), 0);
        CHECK(is_old(&tags) || is_new(&tags));
        old += is_old(&tags) ? 1u : 0u;
        fresh += is_new(&tags) ? 1u : 0u;
    }
    CHECK(old > 20 && fresh > 5);
}

// ---- the cache: at each cut, a tag is known as it was before a write or after it, never otherwise ----

#define WRITES 60

static int kept_status(evse_tag_cache_t *cache, unsigned name)
{
    char id[EVSE_ID_TAG_BYTES];
    evse_tag_info_t info;
    snprintf(id, sizeof id, "CARD%u", name);
    int status = evse_tag_cache_find(cache, id, &info);
    return status == HF_OK ? (int)info.status : status;
}

static int write_card(evse_tag_cache_t *cache, unsigned n)
{
    evse_tag_t tag = {.info.status =
                          (evse_tag_status_t)(n % 4 == 3 ? EVSE_TAG_Blocked : EVSE_TAG_Accepted)};
    snprintf(tag.id, sizeof tag.id, "CARD%u", n % 3);
    int status = evse_tag_cache_put(cache, &tag, 0);
    while (status == HF_OK && (cache->is_dirty || cache->is_syncing)) {
        status = evse_tag_cache_poll(cache);
    }
    return status;
}

static bool cut_cache(uint64_t step, bool is_disk)
{
    evse_tag_cache_t cache;
    int expected[3] = {HF_E_NOT_FOUND, HF_E_NOT_FOUND, HF_E_NOT_FOUND};
    use_flash(is_disk);
    CHECK_EQ(evse_tag_cache_open(&cache, &at), 0);
    ram.cut_at = step;
    ram.cut_garbage = step % 2 == 0;
    ram.seed = (uint32_t)step + 1u;
    unsigned n = 0;
    while (n < WRITES && write_card(&cache, n) == HF_OK) {
        expected[n % 3] = n % 4 == 3 ? EVSE_TAG_Blocked : EVSE_TAG_Accepted;
        n++;
    }
    bool was_cut = ram.power_lost;
    int coming = n % 4 == 3 ? EVSE_TAG_Blocked : EVSE_TAG_Accepted;
    hf_flash_ram_power_on(&ram);
    CHECK_EQ(evse_tag_cache_open(&cache, &at), 0);
    for (unsigned i = 0; i < 3; i++) {
        int status = kept_status(&cache, i);
        CHECK(status == expected[i] || (was_cut && i == n % 3 && status == coming));
    }
    CHECK_EQ(write_card(&cache, 4), 0);
    CHECK_EQ(kept_status(&cache, 1), EVSE_TAG_Accepted);
    CHECK_EQ(ram.overwrites + ram.misuses, 0);
    if (hf_test_failed_here != 0) {
        printf("  step %llu, disk %d\n", (unsigned long long)step, is_disk);
    }
    return was_cut;
}

static void cache_power_cut_at_every_byte_loses_at_most_the_write_under_way(void)
{
    uint64_t step = 0;
    while (hf_test_failed_here == 0 && cut_cache(step, false)) {
        step++;
    }
    CHECK(step > 1000);
}

static void cache_unsynced_pages_lost_in_any_order_lose_at_most_the_write_under_way(void)
{
    for (uint64_t step = 0; step < 3000 && hf_test_failed_here == 0; step++) {
        (void)cut_cache(step, true);
    }
}

HF_TEST_MAIN(HF_TEST(tags_power_cut_at_every_byte_leaves_the_old_or_the_new_list),
             HF_TEST(tags_unsynced_pages_lost_in_any_order_leave_the_old_or_the_new_list),
             HF_TEST(tags_cut_before_the_sync_is_over_leaves_the_old_or_the_new_list),
             HF_TEST(cache_power_cut_at_every_byte_loses_at_most_the_write_under_way),
             HF_TEST(cache_unsynced_pages_lost_in_any_order_lose_at_most_the_write_under_way))

// SPDX-License-Identifier: MIT
// The local list's table and the cache on flash: order, limits, versions, what a sync that fails leaves, wear.
#include "evse/evse_auth.h"
#include "hf_flash_ram.h"
#include "hf_test.h"

#include <stdlib.h>

#define SEGMENT_BYTES 2048u // 41 tags, or 42 slots and a header

typedef struct fixture {
    uint8_t memory[4 * SEGMENT_BYTES];
    hf_flash_ram_t ram;
    hf_flash_t flash;
    evse_tag_flash_t at;
    evse_tags_t tags;
    evse_tag_cache_t cache;
} fixture_t;

static fixture_t fixture;

static fixture_t *blank(void)
{
    fixture_t *f = &fixture;
    memset(f, 0, sizeof *f);
    const hf_flash_ram_config_t ram = {.memory = f->memory,
                                       .segment_bytes = SEGMENT_BYTES,
                                       .segment_count = 4,
                                       .program_bytes = 16};
    CHECK_EQ(hf_flash_ram_init(&f->ram, &ram), 0);
    f->flash = hf_flash_ram_seam(&f->ram);
    f->at = (evse_tag_flash_t){.flash = &f->flash, .first = 1};
    CHECK_EQ(evse_tags_open(&f->tags, &f->at, 1000), 0);
    CHECK_EQ(evse_tag_cache_open(&f->cache, &f->at), 0);
    return f;
}

static evse_tag_t tag_of(const char *id, evse_tag_status_t status)
{
    evse_tag_t tag = {.info.status = status};
    strcpy(tag.id, id);
    return tag;
}

// ---- updates from an array ----

typedef struct list {
    evse_tag_change_t change[64];
    unsigned count, at;
} list_t;

static bool next_change(void *ctx, evse_tag_change_t *change)
{
    list_t *list = ctx;
    if (list->at == list->count) {
        return false;
    }
    *change = list->change[list->at++];
    return true;
}

static void add(list_t *list, const char *id, evse_tag_status_t status)
{
    list->change[list->count++].tag = tag_of(id, status);
}

static void take_away(list_t *list, const char *id)
{
    list->change[list->count].tag = tag_of(id, EVSE_TAG_Accepted);
    list->change[list->count++].is_removed = true;
}

static int update(fixture_t *f, int32_t version, bool is_full, list_t *list)
{
    const evse_tag_changes_t changes = {.next = next_change, .ctx = list};
    list->at = 0;
    int status = evse_tags_update(&f->tags, version, is_full, &changes);
    for (unsigned i = 0;
         status == HF_OK && i < 100 && (status = evse_tags_poll(&f->tags)) == HF_E_AGAIN; i++) {
        status = HF_OK;
    }
    return status;
}

static int found(fixture_t *f, const char *id)
{
    evse_tag_info_t info;
    int status = evse_tags_find(&f->tags, id, &info);
    return status == HF_OK ? (int)info.status : status;
}

static void check_reopened(fixture_t *f, int32_t version, unsigned count)
{
    evse_tags_t again;
    CHECK_EQ(evse_tags_open(&again, &f->at, 1000), 0);
    CHECK_EQ(again.version, version);
    CHECK_EQ(again.count, count);
    CHECK_EQ(again.damaged, false);
}

static void tags_blank_flash_is_an_empty_list_of_version_0(void)
{
    fixture_t *f = blank();
    CHECK_EQ(f->tags.count, 0);
    CHECK_EQ(f->tags.version, 0);
    CHECK_EQ(f->tags.capacity, 41);
    CHECK_EQ(found(f, "A"), HF_E_NOT_FOUND);
    CHECK_EQ(f->ram.programmed_bytes, 0);
}

static void tags_full_update_is_found_without_case_and_kept(void)
{
    fixture_t *f = blank();
    list_t list = {0};
    add(&list, "Alpha", EVSE_TAG_Accepted);
    add(&list, "bravo", EVSE_TAG_Blocked);
    add(&list, "Charlie12345678901Ab", EVSE_TAG_Expired);
    list.change[2].tag.info.expires_utc_ms = 1795254153000ull;
    strcpy(list.change[2].tag.info.parent, "Group901234567890ABC");
    CHECK_EQ(update(f, 7, true, &list), 0);
    CHECK_EQ(f->tags.version, 7);
    CHECK_EQ(found(f, "ALPHA"), EVSE_TAG_Accepted);
    CHECK_EQ(found(f, "BRAVO"), EVSE_TAG_Blocked);
    CHECK_EQ(found(f, "delta"), HF_E_NOT_FOUND);
    CHECK_EQ(found(f, "alph"), HF_E_NOT_FOUND);
    CHECK_EQ(found(f, "alphaa"), HF_E_NOT_FOUND);
    evse_tag_info_t info;
    CHECK_EQ(evse_tags_find(&f->tags, "charlie12345678901aB", &info), 0);
    CHECK_STR(info.parent, "Group901234567890ABC");
    CHECK_EQ(info.expires_utc_ms, 1795254153000ull);
    evse_tag_t tag;
    CHECK_EQ(evse_tags_at(&f->tags, 0, &tag), 0);
    CHECK_STR(tag.id, "Alpha"); // as it was sent
    CHECK_EQ(evse_tags_at(&f->tags, 3, &tag), HF_E_RANGE);
    check_reopened(f, 7, 3);
    CHECK_EQ(f->ram.overwrites + f->ram.misuses, 0);
}

static void tags_differential_adds_changes_and_removes(void)
{
    fixture_t *f = blank();
    list_t list = {0};
    add(&list, "B", EVSE_TAG_Accepted);
    add(&list, "D", EVSE_TAG_Accepted);
    add(&list, "F", EVSE_TAG_Accepted);
    CHECK_EQ(update(f, 1, true, &list), 0);
    list_t change = {0};
    add(&change, "A", EVSE_TAG_Accepted);
    take_away(&change, "b");
    take_away(&change, "C"); // was never there
    add(&change, "d", EVSE_TAG_Blocked);
    add(&change, "Z", EVSE_TAG_Invalid);
    CHECK_EQ(update(f, 2, false, &change), 0);
    CHECK_EQ(f->tags.count, 4);
    CHECK_EQ(found(f, "A"), EVSE_TAG_Accepted);
    CHECK_EQ(found(f, "B"), HF_E_NOT_FOUND);
    CHECK_EQ(found(f, "D"), EVSE_TAG_Blocked);
    CHECK_EQ(found(f, "F"), EVSE_TAG_Accepted);
    CHECK_EQ(found(f, "Z"), EVSE_TAG_Invalid);
    check_reopened(f, 2, 4);
}

static void tags_that_go_empty_have_version_0(void)
{
    fixture_t *f = blank();
    list_t list = {0}, nothing = {0};
    add(&list, "B", EVSE_TAG_Accepted);
    CHECK_EQ(update(f, 5, true, &list), 0);
    CHECK_EQ(update(f, 9, true, &nothing), 0);
    CHECK_EQ(f->tags.version, 0);
    CHECK_EQ(found(f, "B"), HF_E_NOT_FOUND);
    check_reopened(f, 0, 0);
    list_t remove = {0};
    CHECK_EQ(update(f, 5, true, &list), 0);
    take_away(&remove, "B");
    CHECK_EQ(update(f, 6, false, &remove), 0);
    CHECK_EQ(f->tags.version, 0);
}

static void fill(list_t *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char id[21];
        snprintf(id, sizeof id, "TAG%03u", i);
        add(list, id, EVSE_TAG_Accepted);
    }
}

static void tags_one_too_many_is_full_and_changes_nothing(void)
{
    fixture_t *f = blank();
    list_t list = {0}, more = {0};
    fill(&list, 41);
    CHECK_EQ(update(f, 1, true, &list), 0);
    add(&more, "X", EVSE_TAG_Accepted);
    CHECK_EQ(update(f, 2, false, &more), HF_E_FULL);
    CHECK_EQ(f->tags.version, 1);
    CHECK_EQ(found(f, "TAG040"), EVSE_TAG_Accepted);
    check_reopened(f, 1, 41);
    list_t swap = {0}; // one goes, one comes
    take_away(&swap, "TAG000");
    add(&swap, "X", EVSE_TAG_Accepted);
    CHECK_EQ(update(f, 2, false, &swap), 0);
    CHECK_EQ(f->tags.count, 41);
    evse_tags_t small;
    CHECK_EQ(evse_tags_open(&small, &f->at, 20), 0);
    CHECK_EQ(small.capacity, 20); // an older, longer list stays readable
    CHECK_EQ(small.count, 41);
}

static void tags_out_of_order_or_doubled_changes_are_refused(void)
{
    fixture_t *f = blank();
    static const char *const bad[][2] = {{"B", "A"}, {"A", "a"}, {"A", "A"}, {"A", ""}};
    for (unsigned i = 0; i < HF_COUNT_OF(bad); i++) {
        list_t list = {0};
        add(&list, bad[i][0], EVSE_TAG_Accepted);
        add(&list, bad[i][1], EVSE_TAG_Accepted);
        CHECK_EQ(update(f, 1, true, &list), HF_E_ARGUMENT);
        CHECK_EQ(f->tags.version, 0);
    }
}

static void tags_second_update_waits_for_the_first(void)
{
    fixture_t *f = blank();
    list_t list = {0};
    const evse_tag_changes_t changes = {.next = next_change, .ctx = &list};
    add(&list, "A", EVSE_TAG_Accepted);
    f->ram.sync_polls = 3;
    CHECK_EQ(evse_tags_update(&f->tags, 1, true, &changes), 0);
    CHECK_EQ(found(f, "A"), HF_E_NOT_FOUND); // not durable: not in force
    CHECK_EQ(evse_tags_update(&f->tags, 2, true, &changes), HF_E_AGAIN);
    CHECK_EQ(evse_tags_poll(&f->tags), HF_E_AGAIN);
    CHECK_EQ(evse_tags_poll(&f->tags), HF_E_AGAIN);
    CHECK_EQ(evse_tags_poll(&f->tags), HF_E_AGAIN);
    CHECK_EQ(evse_tags_poll(&f->tags), 0);
    CHECK_EQ(found(f, "A"), EVSE_TAG_Accepted);
    CHECK_EQ(f->tags.version, 1);
}

static void tags_failed_write_keeps_the_list_and_the_next_may_work(void)
{
    fixture_t *f = blank();
    list_t list = {0}, more = {0};
    fill(&list, 10);
    CHECK_EQ(update(f, 1, true, &list), 0);
    add(&more, "X", EVSE_TAG_Accepted);
    f->ram.fail_program_at = f->ram.programs + 2;
    CHECK_EQ(update(f, 2, false, &more), HF_E_IO);
    f->ram.fail_program_at = 0;
    CHECK_EQ(f->tags.version, 1);
    CHECK_EQ(found(f, "TAG009"), EVSE_TAG_Accepted);
    f->ram.fail_erase_at = f->ram.erases + 1;
    CHECK_EQ(update(f, 2, false, &more), HF_E_IO);
    f->ram.fail_erase_at = 0;
    CHECK_EQ(update(f, 2, false, &more), 0);
    CHECK_EQ(found(f, "X"), EVSE_TAG_Accepted);
    check_reopened(f, 2, 11);
}

static void tags_failed_sync_keeps_the_old_list_and_takes_no_more(void)
{
    fixture_t *f = blank();
    list_t list = {0}, more = {0};
    fill(&list, 10);
    CHECK_EQ(update(f, 1, true, &list), 0);
    add(&more, "X", EVSE_TAG_Accepted);
    f->ram.fail_sync_at = f->ram.syncs + 1;
    CHECK_EQ(update(f, 2, false, &more), HF_E_IO);
    CHECK_EQ(f->tags.version, 1);
    CHECK_EQ(found(f, "X"), HF_E_NOT_FOUND);
    CHECK_EQ(found(f, "TAG009"), EVSE_TAG_Accepted);
    CHECK_EQ(update(f, 3, false, &more), HF_E_IO);
}

static void tags_damaged_copy_gives_way_to_the_other(void)
{
    fixture_t *f = blank();
    list_t list = {0}, more = {0};
    fill(&list, 10);
    CHECK_EQ(update(f, 1, true, &list), 0); // copy 0, segment 1
    add(&more, "X", EVSE_TAG_Accepted);
    CHECK_EQ(update(f, 2, false, &more), 0); // copy 1, segment 2
    check_reopened(f, 2, 11);
    f->memory[2 * SEGMENT_BYTES + 48 + 5 * 48] ^= 1u;
    check_reopened(f, 1, 10);
    f->memory[1 * SEGMENT_BYTES + 20] ^= 1u;
    evse_tags_t again;
    CHECK_EQ(evse_tags_open(&again, &f->at, 1000), 0);
    CHECK_EQ(again.count, 0);
    CHECK_EQ(again.version, 0);
    CHECK_EQ(again.damaged, true);
}

static void tags_bit_that_flips_later_is_no_tag(void)
{
    fixture_t *f = blank();
    list_t list = {0};
    add(&list, "A", EVSE_TAG_Blocked);
    CHECK_EQ(update(f, 1, true, &list), 0);
    f->memory[SEGMENT_BYTES + 48 + 44] = EVSE_TAG_Accepted;
    CHECK_EQ(found(f, "A"), HF_E_CORRUPT);
}

static void tags_impossible_geometry_is_refused(void)
{
    fixture_t *f = blank();
    evse_tag_flash_t last = {.flash = &f->flash, .first = 3};
    CHECK_EQ(evse_tags_open(&f->tags, &last, 10), HF_E_ARGUMENT);
    CHECK_EQ(evse_tag_cache_open(&f->cache, &last), HF_E_ARGUMENT);
    hf_flash_t odd = f->flash;
    odd.program_bytes = 5;
    evse_tag_flash_t at = {.flash = &odd};
    CHECK_EQ(evse_tags_open(&f->tags, &at, 10), HF_E_ARGUMENT);
    CHECK_EQ(evse_tag_cache_open(&f->cache, &at), HF_E_ARGUMENT);
}

static void tag_order_ignores_the_case_of_letters_only(void)
{
    CHECK(evse_tag_is_same("AbC-1", "aBc-1"));
    CHECK(!evse_tag_is_same("AB", "ABC"));
    CHECK(!evse_tag_is_same("@A", "`A"));
    CHECK(!evse_tag_is_same("A[", "A{"));
    CHECK(evse_tag_compare("a", "B") < 0);
    CHECK(evse_tag_compare("B", "a") > 0);
    CHECK(evse_tag_compare("a", "ab") < 0);
    CHECK(evse_tag_compare("\xc3\xa4", "z") > 0);
}

static void tag_expires_at_its_second_and_never_with_an_unknown_clock(void)
{
    evse_tag_info_t info = {.status = EVSE_TAG_Accepted, .expires_utc_ms = 5000};
    CHECK(evse_tag_is_valid(&info, 4999));
    CHECK(!evse_tag_is_valid(&info, 5000));
    CHECK(evse_tag_is_valid(&info, 0));
    info.expires_utc_ms = 0;
    CHECK(evse_tag_is_valid(&info, 5000));
    static const bool valid[EVSE_TAG_STATUS_COUNT] = {
        [EVSE_TAG_Accepted] = true, [EVSE_TAG_ConcurrentTx] = true};
    for (unsigned i = 0; i < EVSE_TAG_STATUS_COUNT; i++) {
        info.status = (evse_tag_status_t)i;
        CHECK_EQ(evse_tag_is_valid(&info, 1), valid[i]);
    }
}

static void tag_record_keeps_what_it_can_and_never_prolongs(void)
{
    static const struct {
        uint64_t given_ms, kept_ms;
    } expiries[] = {{0, 0},
                    {1, 1000}, // never becomes "never"
                    {1999, 1000},
                    {4294967294000ull, 4294967294000ull},
                    {9999999999999ull, 4294967294000ull}};
    for (unsigned i = 0; i < HF_COUNT_OF(expiries); i++) {
        evse_tag_t tag = tag_of("12345678901234567890", EVSE_TAG_ConcurrentTx), back;
        uint8_t record[EVSE_TAG_RECORD_BYTES];
        tag.info.expires_utc_ms = expiries[i].given_ms;
        evse_tag_encode(&tag, record);
        CHECK_EQ(evse_tag_decode(record, &back), 0);
        CHECK_EQ(back.info.expires_utc_ms, expiries[i].kept_ms);
        CHECK_EQ(back.info.status, EVSE_TAG_ConcurrentTx);
        CHECK_STR(back.id, tag.id);
        for (unsigned bit = 0; bit < 8 * sizeof record; bit++) {
            record[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK_EQ(evse_tag_decode(record, &back), HF_E_CORRUPT);
            record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

// ---- the cache ----

static int cached(fixture_t *f, const char *id)
{
    evse_tag_info_t info;
    int status = evse_tag_cache_find(&f->cache, id, &info);
    return status == HF_OK ? (int)info.status : status;
}

static int keep(fixture_t *f, const char *id, evse_tag_status_t status)
{
    const evse_tag_t tag = tag_of(id, status);
    int result = evse_tag_cache_put(&f->cache, &tag, 0);
    while (f->cache.is_dirty || f->cache.is_syncing) {
        (void)evse_tag_cache_poll(&f->cache);
        if (f->cache.failed != HF_OK) {
            break;
        }
    }
    return result;
}

static void reopen_cache(fixture_t *f)
{
    CHECK_EQ(evse_tag_cache_open(&f->cache, &f->at), 0);
    while (f->cache.is_dirty || f->cache.is_syncing) {
        CHECK_EQ(evse_tag_cache_poll(&f->cache), 0);
    }
}

static void cache_keeps_the_latest_over_a_reboot(void)
{
    fixture_t *f = blank();
    CHECK_EQ(cached(f, "A"), HF_E_NOT_FOUND);
    CHECK_EQ(keep(f, "A", EVSE_TAG_Accepted), 0);
    CHECK_EQ(keep(f, "B", EVSE_TAG_Accepted), 0);
    CHECK_EQ(keep(f, "a", EVSE_TAG_Blocked), 0);
    CHECK_EQ(f->cache.count, 2);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(cached(f, "A"), EVSE_TAG_Blocked);
        CHECK_EQ(cached(f, "b"), EVSE_TAG_Accepted);
        reopen_cache(f);
    }
    CHECK_EQ(f->ram.overwrites + f->ram.misuses, 0);
}

static void cache_writes_only_what_has_changed(void)
{
    fixture_t *f = blank();
    CHECK_EQ(keep(f, "A", EVSE_TAG_Accepted), 0);
    uint64_t bytes = f->ram.programmed_bytes;
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(keep(f, "A", EVSE_TAG_Accepted), 0);
        CHECK_EQ(cached(f, "A"), EVSE_TAG_Accepted);
    }
    CHECK_EQ(f->ram.programmed_bytes, bytes);
    CHECK_EQ(keep(f, "A", EVSE_TAG_Expired), 0);
    CHECK_EQ(f->ram.programmed_bytes, bytes + 48);
}

static void cache_segments_turn_over_and_keep_all(void)
{
    fixture_t *f = blank();
    CHECK_EQ(f->cache.slots, 41);
    CHECK_EQ(f->cache.capacity, 20);
    for (unsigned i = 0; i < 1000; i++) {
        char id[8];
        snprintf(id, sizeof id, "T%u", i % 20);
        CHECK_EQ(keep(f, id, i / 20 % 2 ? EVSE_TAG_Blocked : EVSE_TAG_Accepted), 0);
    }
    CHECK_EQ(f->cache.count, 20);
    CHECK(f->cache.compactions > 40 && f->cache.compactions < 52); // 21 writes each
    CHECK_EQ(f->ram.erases, f->cache.compactions);
    reopen_cache(f);
    CHECK_EQ(f->cache.count, 20);
    for (unsigned i = 0; i < 20; i++) {
        char id[8];
        snprintf(id, sizeof id, "t%u", i);
        CHECK_EQ(cached(f, id), EVSE_TAG_Blocked);
    }
    CHECK_EQ(f->ram.overwrites + f->ram.misuses, 0);
}

static void rule_18_full_cache_gives_up_the_invalid_then_the_least_used(void)
{
    fixture_t *f = blank();
    for (unsigned i = 0; i < 20; i++) {
        char id[8];
        snprintf(id, sizeof id, "T%02u", i);
        CHECK_EQ(keep(f, id, i == 7 ? EVSE_TAG_Blocked : EVSE_TAG_Accepted), 0);
    }
    CHECK_EQ(cached(f, "T00"), EVSE_TAG_Accepted); // used: the next oldest is T01
    CHECK_EQ(keep(f, "NEW1", EVSE_TAG_Accepted), 0);
    CHECK_EQ(cached(f, "T07"), HF_E_NOT_FOUND);
    CHECK_EQ(keep(f, "NEW2", EVSE_TAG_Accepted), 0);
    CHECK_EQ(cached(f, "T01"), HF_E_NOT_FOUND);
    CHECK_EQ(cached(f, "T00"), EVSE_TAG_Accepted);
    CHECK_EQ(cached(f, "T02"), EVSE_TAG_Accepted);
    CHECK_EQ(f->cache.count, 20);
}

static void cache_expired_tag_leaves_first(void)
{
    fixture_t *f = blank();
    for (unsigned i = 0; i < 20; i++) {
        char id[8];
        snprintf(id, sizeof id, "T%02u", i);
        evse_tag_t tag = tag_of(id, EVSE_TAG_Accepted);
        tag.info.expires_utc_ms = i == 9 ? 1000 : 9000;
        CHECK_EQ(evse_tag_cache_put(&f->cache, &tag, 500), 0);
    }
    const evse_tag_t tag = tag_of("NEW", EVSE_TAG_Accepted);
    CHECK_EQ(evse_tag_cache_put(&f->cache, &tag, 2000), 0);
    CHECK_EQ(cached(f, "T09"), HF_E_NOT_FOUND);
    CHECK_EQ(cached(f, "T00"), EVSE_TAG_Accepted);
}

static void rule_19_cleared_cache_stays_clear_over_a_reboot(void)
{
    fixture_t *f = blank();
    CHECK_EQ(evse_tag_cache_clear(&f->cache), 0);
    CHECK_EQ(f->ram.erases, 0); // nothing was there
    CHECK_EQ(keep(f, "A", EVSE_TAG_Accepted), 0);
    const evse_tag_t tag = tag_of("B", EVSE_TAG_Accepted);
    CHECK_EQ(evse_tag_cache_put(&f->cache, &tag, 0), 0); // its sync has not begun
    CHECK_EQ(evse_tag_cache_clear(&f->cache), 0);
    CHECK_EQ(cached(f, "A"), HF_E_NOT_FOUND);
    reopen_cache(f);
    CHECK_EQ(cached(f, "A"), HF_E_NOT_FOUND);
    CHECK_EQ(cached(f, "B"), HF_E_NOT_FOUND);
    CHECK_EQ(keep(f, "C", EVSE_TAG_Accepted), 0);
    CHECK_EQ(cached(f, "C"), EVSE_TAG_Accepted);
}

static void cache_full_segment_waits_for_its_sync(void)
{
    fixture_t *f = blank();
    for (unsigned i = 0; i < 41; i++) {
        CHECK_EQ(keep(f, "A", i % 2 ? EVSE_TAG_Blocked : EVSE_TAG_Accepted), 0);
    }
    CHECK_EQ(f->cache.used, 41);
    f->cache.is_dirty = true; // a sync is due
    const evse_tag_t tag = tag_of("B", EVSE_TAG_Accepted);
    CHECK_EQ(evse_tag_cache_put(&f->cache, &tag, 0), HF_E_AGAIN);
    CHECK_EQ(f->cache.refused, 1);
    CHECK_EQ(cached(f, "A"), EVSE_TAG_Accepted);
    CHECK_EQ(keep(f, "A", EVSE_TAG_Accepted), 0); // drives the sync
    CHECK_EQ(keep(f, "B", EVSE_TAG_Accepted), 0);
    CHECK_EQ(cached(f, "B"), EVSE_TAG_Accepted);
    CHECK_EQ(cached(f, "A"), EVSE_TAG_Accepted);
}

static void cache_failed_flash_answers_what_it_knows_and_takes_no_more(void)
{
    fixture_t *f = blank();
    CHECK_EQ(keep(f, "A", EVSE_TAG_Accepted), 0);
    f->ram.fail_sync_at = f->ram.syncs + 1;
    CHECK_EQ(keep(f, "B", EVSE_TAG_Accepted), 0);
    CHECK_EQ(keep(f, "C", EVSE_TAG_Accepted), HF_E_IO);
    CHECK_EQ(cached(f, "A"), EVSE_TAG_Accepted);
    CHECK_EQ(evse_tag_cache_clear(&f->cache), HF_E_IO);
}

HF_TEST_MAIN(HF_TEST(tags_blank_flash_is_an_empty_list_of_version_0),
             HF_TEST(tags_full_update_is_found_without_case_and_kept),
             HF_TEST(tags_differential_adds_changes_and_removes),
             HF_TEST(tags_that_go_empty_have_version_0),
             HF_TEST(tags_one_too_many_is_full_and_changes_nothing),
             HF_TEST(tags_out_of_order_or_doubled_changes_are_refused),
             HF_TEST(tags_second_update_waits_for_the_first),
             HF_TEST(tags_failed_write_keeps_the_list_and_the_next_may_work),
             HF_TEST(tags_failed_sync_keeps_the_old_list_and_takes_no_more),
             HF_TEST(tags_damaged_copy_gives_way_to_the_other),
             HF_TEST(tags_bit_that_flips_later_is_no_tag),
             HF_TEST(tags_impossible_geometry_is_refused),
             HF_TEST(tag_order_ignores_the_case_of_letters_only),
             HF_TEST(tag_expires_at_its_second_and_never_with_an_unknown_clock),
             HF_TEST(tag_record_keeps_what_it_can_and_never_prolongs),
             HF_TEST(cache_keeps_the_latest_over_a_reboot),
             HF_TEST(cache_writes_only_what_has_changed),
             HF_TEST(cache_segments_turn_over_and_keep_all),
             HF_TEST(rule_18_full_cache_gives_up_the_invalid_then_the_least_used),
             HF_TEST(cache_expired_tag_leaves_first),
             HF_TEST(rule_19_cleared_cache_stays_clear_over_a_reboot),
             HF_TEST(cache_full_segment_waits_for_its_sync),
             HF_TEST(cache_failed_flash_answers_what_it_knows_and_takes_no_more))

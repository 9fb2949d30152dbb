// SPDX-License-Identifier: MIT
// The reset dossier: its bytes, what a cut or a changed page is told as, texts at their edges, reasons.
#include "hf_test.h"

#include "holdfast/hf_crc.h"
#include "holdfast/hf_dossier.h"
#include "holdfast/hf_le.h"

static uint8_t page[HF_DOSSIER_BYTES];
static hf_dossier_t dossier, found;

/// Every field another number, every text full.
static void fill(uint32_t pools)
{
    memset(&dossier, 0, sizeof dossier);
    dossier.reason = HF_RESET_TASK_WATCHDOG;
    dossier.resets = 3;
    dossier.uptime_ms = 0x0123456789ABCDEFULL;
    (void)snprintf(dossier.task, sizeof dossier.task, "comms");
    (void)snprintf(dossier.tag, sizeof dossier.tag, "ws_connected");
    (void)snprintf(dossier.detail, sizeof dossier.detail, "late_task 5000 ms");
    dossier.memory = (hf_memory_t){1, 2, 3, 4, 5, 6, 7, 8, UINT32_MAX};
    dossier.pools = pools;
    for (uint32_t i = 0; i < pools && i < HF_DOSSIER_POOLS; i++) {
        hf_dossier_pool_t *pool = &dossier.pool[i];
        (void)snprintf(pool->name, sizeof pool->name, "pool-%u", (unsigned)i);
        pool->capacity = (uint16_t)(100u + i);
        pool->in_use = (uint16_t)i;
        pool->peak = 65535;
        pool->exhausted = (uint16_t)(1000u * i);
    }
    dossier.connectors_charging = 0x80000001u;
    dossier.transaction_id = -7;
}

static void dossier_comes_back_as_it_was(void)
{
    for (uint32_t pools = 0; pools <= HF_DOSSIER_POOLS; pools++) {
        fill(pools);
        memset(page, 0xEE, sizeof page);
        const uint32_t length = hf_dossier_encode(&dossier, page);
        CHECK_EQ(length, 164u + 24u * pools);
        CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_OK); // the page may be larger
        CHECK(memcmp(&dossier, &found, sizeof found) == 0);
        CHECK_EQ(hf_dossier_decode(page, length, &found), HF_OK);
    }
}

static void dossier_bytes_are_those_of_the_specification(void)
{
    fill(1);
    const uint32_t length = hf_dossier_encode(&dossier, page);
    CHECK(memcmp(page, "HFDS", 4) == 0);
    CHECK_EQ(hf_le_get(page + 4, 2), 1);      // version
    CHECK_EQ(hf_le_get(page + 6, 2), length); // 188
    CHECK_EQ(hf_le_get32(page + 12), 0x8004); // reason
    CHECK_EQ(hf_le_get32(page + 16), 3);      // resets
    CHECK_EQ(page[20], 0xEF);                 // uptime
    CHECK_STR((const char *)page + 28, "comms");
    CHECK_STR((const char *)page + 44, "ws_connected");
    CHECK_STR((const char *)page + 68, "late_task 5000 ms");
    CHECK_EQ(hf_le_get32(page + 116), 1); // heap_free
    CHECK_EQ(hf_le_get32(page + 148), UINT32_MAX);
    CHECK_EQ(hf_le_get32(page + 152), 1); // pools
    CHECK_EQ(hf_le_get32(page + 156), 0x80000001u);
    CHECK_EQ((int32_t)hf_le_get32(page + 160), -7);
    CHECK_STR((const char *)page + 164, "pool-0");
    CHECK_EQ(hf_le_get(page + 180, 2), 100);
}

static bool is_all_zero(void)
{
    const hf_dossier_t zero = {0};
    hf_dossier_t copy; // padding too was cleared
    memcpy(&copy, &found, sizeof copy);
    return memcmp(&copy, &zero, sizeof copy) == 0;
}

static void dossier_that_was_cut_is_none(void)
{
    fill(HF_DOSSIER_POOLS);
    const uint32_t length = hf_dossier_encode(&dossier, page);
    for (uint32_t cut = 0; cut < length; cut++) {
        memset(&found, 0x55, sizeof found);
        CHECK_EQ(hf_dossier_decode(page, cut, &found), cut < 12u ? HF_E_EMPTY : HF_E_CORRUPT);
        CHECK(is_all_zero());
    }
}

static void dossier_with_any_bit_changed_is_none(void)
{
    fill(2);
    const uint32_t length = hf_dossier_encode(&dossier, page);
    for (uint32_t bit = 0; bit < length * 8u; bit++) {
        page[bit / 8u] ^= (uint8_t)(1u << bit % 8u);
        CHECK(hf_dossier_decode(page, sizeof page, &found) < 0);
        page[bit / 8u] ^= (uint8_t)(1u << bit % 8u);
    }
    CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_OK);
}

static void dossier_of_garbage_is_empty(void)
{
    memset(page, 0, sizeof page);
    CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_E_EMPTY);
    memset(page, 0xFF, sizeof page);
    CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_E_EMPTY);
    uint32_t state = 1;
    for (unsigned round = 0; round < 1000; round++) {
        for (size_t i = 0; i < sizeof page; i++) {
            state = state * 1664525u + 1013904223u;
            page[i] = (uint8_t)(state >> 24);
        }
        CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_E_EMPTY);
    }
    CHECK_EQ(hf_dossier_decode(NULL, 0, &found), HF_E_ARGUMENT);
    CHECK_EQ(hf_dossier_decode(page, sizeof page, NULL), HF_E_ARGUMENT);
}

/// Makes the page's header fit what stands in it.
static void sign(uint32_t version, uint32_t length)
{
    hf_le_put(page + 4, 2, version);
    hf_le_put(page + 6, 2, length);
    const uint32_t crc =
        hf_crc32c(hf_crc32c(0, page + 4, 4), page + 12, length > 12u ? length - 12u : 0);
    hf_le_put32(page + 8, crc);
}

static void dossier_of_another_version_is_unsupported(void)
{
    fill(2);
    const uint32_t length = hf_dossier_encode(&dossier, page);
    sign(2, length);
    CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_E_UNSUPPORTED);
}

static void dossier_whose_length_does_not_fit_its_pools_is_corrupt(void)
{
    fill(2);
    const uint32_t length = hf_dossier_encode(&dossier, page);
    for (uint32_t told = 0; told <= sizeof page; told++) {
        sign(1, told);
        CHECK_EQ(hf_dossier_decode(page, sizeof page, &found) == HF_OK, told == length);
    }
    hf_le_put32(page + 152, HF_DOSSIER_POOLS + 1u);
    sign(1, 452);
    CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_E_CORRUPT);
    hf_le_put32(page + 152, 178956970u + 2u); // times 24 it is 16 more than 2^32 + 2 pools
    sign(1, length);
    CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_E_CORRUPT);
    CHECK(is_all_zero());
}

static void dossier_texts_end_within_their_field(void)
{
    fill(1);
    memset(dossier.task, 'x', sizeof dossier.task); // nobody ended it
    memset(dossier.tag, 'y', sizeof dossier.tag);
    memset(dossier.detail, 'z', sizeof dossier.detail);
    memset(dossier.pool[0].name, 'p', sizeof dossier.pool[0].name);
    const uint32_t length = hf_dossier_encode(&dossier, page);
    CHECK_EQ(hf_dossier_decode(page, length, &found), HF_OK);
    CHECK_EQ(strlen(found.task), sizeof found.task - 1u);
    CHECK_EQ(strlen(found.tag), sizeof found.tag - 1u);
    CHECK_EQ(strlen(found.detail), sizeof found.detail - 1u);
    CHECK_EQ(strlen(found.pool[0].name), sizeof found.pool[0].name - 1u);
    memset(page + 28, 'q', 16); // nor in the page
    sign(1, length);
    CHECK_EQ(hf_dossier_decode(page, length, &found), HF_OK);
    CHECK_STR(found.task, "qqqqqqqqqqqqqqq");
    memcpy(page + 28, "ab\0garbage", 10); // what follows the end is dropped
    sign(1, length);
    CHECK_EQ(hf_dossier_decode(page, length, &found), HF_OK);
    CHECK_STR(found.task, "ab");
    CHECK_EQ(found.task[3], 0);
}

static void dossier_with_more_pools_than_room_keeps_the_first(void)
{
    fill(HF_DOSSIER_POOLS);
    dossier.pools = HF_DOSSIER_POOLS + 5u;
    CHECK(hf_dossier_encode(&dossier, page) <= HF_DOSSIER_BYTES);
    CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_OK);
    CHECK_EQ(found.pools, HF_DOSSIER_POOLS);
}

static void dossier_written_anew_replaces_the_old_one(void)
{
    fill(HF_DOSSIER_POOLS);
    (void)hf_dossier_encode(&dossier, page);
    fill(0);
    const uint32_t length = hf_dossier_encode(&dossier, page);
    CHECK_EQ(length, 164);
    CHECK_EQ(hf_dossier_decode(page, sizeof page, &found), HF_OK);
    CHECK_EQ(found.pools, 0);
}

static void reset_reasons_have_text_and_kind(void)
{
    CHECK_STR(hf_reset_text(HF_RESET_POWER_ON), "Power On");
    CHECK_STR(hf_reset_text(HF_RESET_STACK), "Stack overflow");
    CHECK_STR(hf_reset_text(0x7777), "Unknown");
    CHECK(hf_reset_is_expected(HF_RESET_SOFTWARE));
    CHECK(hf_reset_is_expected(HF_RESET_TRIP_FINISHED));
    CHECK(!hf_reset_is_expected(HF_RESET_TRIP_NOW));
    CHECK(!hf_reset_is_expected(0x7777)); // what is no reason was not expected
#define IS_IN_ITS_HALF(name, code, text, expected)                                                 \
    CHECK_EQ((code) < 0x8000, (expected));                                                         \
    CHECK_EQ(hf_reset_is_expected(code), (expected));                                              \
    CHECK_STR(hf_reset_text(code), text);
    HF_RESET_TABLE(IS_IN_ITS_HALF)
#undef IS_IN_ITS_HALF
}

HF_TEST_MAIN(HF_TEST(dossier_comes_back_as_it_was),
             HF_TEST(dossier_bytes_are_those_of_the_specification),
             HF_TEST(dossier_that_was_cut_is_none), HF_TEST(dossier_with_any_bit_changed_is_none),
             HF_TEST(dossier_of_garbage_is_empty),
             HF_TEST(dossier_of_another_version_is_unsupported),
             HF_TEST(dossier_whose_length_does_not_fit_its_pools_is_corrupt),
             HF_TEST(dossier_texts_end_within_their_field),
             HF_TEST(dossier_with_more_pools_than_room_keeps_the_first),
             HF_TEST(dossier_written_anew_replaces_the_old_one),
             HF_TEST(reset_reasons_have_text_and_kind))

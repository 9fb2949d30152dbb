// SPDX-License-Identifier: MIT
// Kept objects: replaced, forgotten, found in order, read back from the flash over reboots and compactions.
#include "hf_test.h"
#include "support/store_world.h"

static world_t w;

static void set_up(void)
{
    memset(&w, 0, sizeof w);
    CHECK_EQ(world_init(&w, 2, 4, false), HF_OK);
    CHECK_EQ(world_boot(&w), HF_OK);
}

static void check_kept(evse_object_kind_t kind, uint16_t key, const char *expected)
{
    char data[EVSE_OBJECT_BYTES_MAX];
    int length = evse_store_kept(&w.store, kind, key, data, sizeof data);
    CHECK_EQ(length, strlen(expected));
    CHECK(length >= 0 && memcmp(data, expected, (size_t)length) == 0);
}

static int keep(evse_object_kind_t kind, uint16_t key, const char *text)
{
    return evse_store_keep(&w.store, kind, key, text, strlen(text));
}

static void store_object_survives_reboot_and_compaction(void)
{
    set_up();
    CHECK_EQ(keep(EVSE_OBJECT_PROFILE, 3, "three"), HF_OK);
    CHECK_EQ(keep(EVSE_OBJECT_PROFILE, 700, "seven hundred"), HF_OK);
    CHECK_EQ(keep(EVSE_OBJECT_NETWORK, 3, "other kind"), HF_OK);
    CHECK_EQ(keep(EVSE_OBJECT_PROFILE, 4, ""), HF_OK);
    CHECK_EQ(keep(EVSE_OBJECT_PROFILE, 3, "III"), HF_OK); // replaced whole
    CHECK_EQ(keep(EVSE_OBJECT_PROFILE, 9, "gone"), HF_OK);
    CHECK_EQ(evse_store_forget(&w.store, EVSE_OBJECT_PROFILE, 9), HF_OK);
    CHECK_EQ(evse_store_forget(&w.store, EVSE_OBJECT_PROFILE, 9), HF_OK);
    for (int boot = 0; boot < 3; boot++) {
        check_kept(EVSE_OBJECT_PROFILE, 3, "III");
        check_kept(EVSE_OBJECT_PROFILE, 700, "seven hundred");
        check_kept(EVSE_OBJECT_NETWORK, 3, "other kind");
        check_kept(EVSE_OBJECT_PROFILE, 4, "");
        CHECK_EQ(evse_store_kept(&w.store, EVSE_OBJECT_PROFILE, 9, NULL, 0), HF_E_NOT_FOUND);
        uint32_t compactions = w.store.journal.compactions;
        for (unsigned i = 0; i < 300; i++) {
            CHECK_EQ(evse_store_set_latch(&w.store, i % 2u == 0, i), HF_OK);
            CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
        }
        CHECK(w.store.journal.compactions > compactions);
        check_kept(EVSE_OBJECT_PROFILE, 3, "III");
        check_kept(EVSE_OBJECT_NETWORK, 3, "other kind");
        REQUIRE(world_power_cycle(&w) == HF_OK);
    }
}

static void store_object_keys_are_walked_in_order(void)
{
    set_up();
    CHECK_EQ(evse_store_next_key(&w.store, EVSE_OBJECT_SIGNED, 0), -1);
    CHECK_EQ(keep(EVSE_OBJECT_SIGNED, 65535, "a"), HF_OK);
    CHECK_EQ(keep(EVSE_OBJECT_SIGNED, 2, "b"), HF_OK);
    CHECK_EQ(keep(EVSE_OBJECT_UPDATE, 1, "c"), HF_OK);
    CHECK_EQ(evse_store_next_key(&w.store, EVSE_OBJECT_SIGNED, 0), 2);
    CHECK_EQ(evse_store_next_key(&w.store, EVSE_OBJECT_SIGNED, 3), 65535);
    CHECK_EQ(evse_store_next_key(&w.store, EVSE_OBJECT_RESERVATION, 0), -1);
}

static void store_object_bounds_are_kept(void)
{
    char data[EVSE_OBJECT_BYTES_MAX + 1u];
    set_up();
    memset(data, 'x', sizeof data);
    CHECK_EQ(evse_store_keep(&w.store, EVSE_OBJECT_UPDATE, 0, data, sizeof data), HF_E_TOO_LONG);
    CHECK_EQ(evse_store_keep(&w.store, EVSE_OBJECT_KINDS, 0, data, 1), HF_E_ARGUMENT);
    CHECK_EQ(evse_store_keep(&w.store, EVSE_OBJECT_UPDATE, 0, data, sizeof data - 1u), HF_OK);
    CHECK_EQ(evse_store_kept(&w.store, EVSE_OBJECT_UPDATE, 0, data, 10), HF_E_TOO_LONG);
    CHECK_EQ(evse_store_kept(&w.store, EVSE_OBJECT_UPDATE, 0, data, sizeof data),
             EVSE_OBJECT_BYTES_MAX);
    uint16_t key = 1;
    int status = HF_OK;
    for (; status == HF_OK && key < 1000; key++) {
        status = evse_store_keep(&w.store, EVSE_OBJECT_PROFILE, key, data, 300);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    }
    CHECK_EQ(status, HF_E_FULL);
    CHECK(key > 3);
    CHECK_EQ(keep(EVSE_OBJECT_PROFILE, 1, "shorter"), HF_OK);
    CHECK_EQ(evse_store_forget(&w.store, EVSE_OBJECT_PROFILE, 2), HF_OK);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    check_kept(EVSE_OBJECT_PROFILE, 1, "shorter");
}

static void store_object_lost_by_the_flash_is_told(void)
{
    set_up();
    CHECK_EQ(keep(EVSE_OBJECT_PROFILE, 1, "content"), HF_OK);
    w.memory[hf_journal_position(&w.store.journal) + 12u] ^= 1u;
    char data[16];
    CHECK_EQ(evse_store_kept(&w.store, EVSE_OBJECT_PROFILE, 1, data, sizeof data), HF_E_IO);
}

HF_TEST_MAIN(HF_TEST(store_object_survives_reboot_and_compaction),
             HF_TEST(store_object_keys_are_walked_in_order), HF_TEST(store_object_bounds_are_kept),
             HF_TEST(store_object_lost_by_the_flash_is_told))

// SPDX-License-Identifier: MIT
// What the store must hold: 1,000 transactions in 1 MB, 50 in 64 KB (also with the sizes of configs/mcu, tests/store),
// all unsent, delivered in order, once, over reboots in the middle; and what a session costs the journal.
#include "evse/evse_store.h"
#include "hf_flash_ram.h"
#include "hf_test.h"

#include <string.h>

#define SEGMENT_BYTES_MAX 524288u
#define WH                3600000ull

static uint8_t memory[2u * SEGMENT_BYTES_MAX];
static hf_flash_ram_t ram;
static hf_flash_t flash;
static evse_store_t store;
static uint64_t now_us;
static uint32_t dropped; // readings refused

static void boot(void)
{
    const evse_store_config_t config = {.flash = &flash, .station_nonce = 7, .connectors = 1};
    REQUIRE(evse_store_open(&store, &config) == HF_OK);
    now_us = 0;
}

static void reboot(void)
{
    hf_flash_ram_power_off(&ram);
    hf_flash_ram_power_on(&ram);
    boot();
}

static void set_up(uint32_t segment_bytes)
{
    const hf_flash_ram_config_t config = {
        .memory = memory, .segment_bytes = segment_bytes, .segment_count = 2, .program_bytes = 4};
    CHECK_EQ(hf_flash_ram_init(&ram, &config), HF_OK);
    flash = hf_flash_ram_seam(&ram);
    boot();
}

static void settle(void)
{
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(evse_store_poll(&store, now_us), HF_OK);
    }
}

static evse_moment_t now(void)
{
    return (evse_moment_t){.boot = store.boot, .since_boot_ms = now_us / 1000u};
}

static int begin(uint64_t register_mJ)
{
    const evse_begin_t begin = {.id_tag = "12345678901234567890",
                                .register_mJ = register_mJ,
                                .at = now(),
                                .reservation_id = EVSE_RESERVATION_NONE};
    return evse_store_begin(&store, 0, &begin);
}

static evse_message_t reading(uint64_t Wh)
{
    evse_message_t sample = {.at = now(), .register_Wh = Wh, .context = 0, .samples = 4};
    for (unsigned i = 0; i < sample.samples; i++) {
        sample.sample[i] = (evse_sample_t){
            .measurand = (uint8_t)i, .phase = (uint8_t)(i % 3u), .value = -(int32_t)Wh};
    }
    return sample;
}

static void end(uint64_t register_mJ)
{
    CHECK_EQ(evse_store_end(&store, 0, EVSE_STOP_Local, NULL, register_mJ, now()), HF_OK);
}

/// A session of `readings`, all of it kept. False: there was no room for it.
static bool session(uint32_t number, unsigned readings)
{
    uint64_t Wh = number * 1000ull;
    int status = begin(Wh * WH);
    if (status != HF_OK) {
        CHECK_EQ(status, HF_E_FULL);
        CHECK(!evse_store_has_room(&store));
        return false;
    }
    for (unsigned i = 0; i < readings; i++) {
        now_us += 60000000u;
        const evse_message_t sample = reading(Wh + i + 1u);
        status = evse_store_meter(&store, 0, &sample, true);
        CHECK(status == HF_OK || status == HF_E_FULL);
        dropped += status == HF_OK ? 0u : 1u;
        settle();
    }
    end((Wh + readings) * WH);
    settle();
    return true;
}

typedef struct seen {
    uint32_t transaction, starts, stops, readings;
    uint64_t id, Wh;
} seen_t;

static seen_t seen;

/// One delivery: what comes is the next of its transaction, or the START of the next one.
static void judge(const evse_message_t *message)
{
    const evse_transaction_t *transaction = evse_store_transaction(&store, message->transaction);
    REQUIRE(transaction != NULL);
    CHECK(message->id > seen.id);
    CHECK_STR(transaction->id_tag, "12345678901234567890");
    if (message->kind == EVSE_MESSAGE_START) {
        CHECK_EQ(message->transaction, seen.transaction + 1u);
        CHECK_EQ(seen.starts, seen.stops);
        CHECK_EQ(message->register_Wh, message->transaction * 1000u);
        seen.starts++;
    } else {
        CHECK_EQ(message->transaction, seen.transaction);
        CHECK_EQ(transaction->transaction_id, 100000 + (int32_t)message->transaction);
        CHECK(message->register_Wh >= seen.Wh);
    }
    if (message->kind == EVSE_MESSAGE_METER) {
        CHECK_EQ(message->samples, 4);
        CHECK_EQ(message->sample[3].value, -(int32_t)message->register_Wh);
        CHECK_EQ(message->sample[2].phase, 2);
        seen.readings++;
    }
    seen.stops += message->kind == EVSE_MESSAGE_STOP ? 1u : 0u;
    seen.transaction = message->transaction;
    seen.id = message->id;
    seen.Wh = message->register_Wh;
}

static void deliver(uint32_t most)
{
    for (uint32_t i = 0; i < most && evse_store_waiting(&store) > 0; i++) {
        const evse_message_t *message = evse_store_next(&store);
        REQUIRE(message != NULL);
        judge(message);
        CHECK_EQ(evse_store_confirm(&store, 100000 + (int32_t)message->transaction), HF_OK);
        settle();
    }
}

static void keep_unsent(uint32_t transactions, unsigned readings, uint32_t segment_bytes)
{
    uint32_t thinned = 0;
    memset(&seen, 0, sizeof seen);
    set_up(segment_bytes);
    dropped = 0;
    for (uint32_t i = 1; i <= transactions; i++) {
        REQUIRE(session(i, readings));
        if (i == transactions / 2u) {
            thinned += store.thinned;
            reboot();
        }
    }
    thinned += store.thinned;
    CHECK(evse_store_waiting(&store) >= 2u * transactions);
    reboot();
    CHECK_EQ(evse_store_set_clock(&store, 1700000000000u), HF_OK);
    settle();
    deliver(evse_store_waiting(&store) / 2u);
    reboot();
    CHECK_EQ(evse_store_set_clock(&store, 1700000900000u), HF_OK);
    settle();
    deliver(UINT32_MAX);
    CHECK_EQ(seen.starts, transactions);
    CHECK_EQ(seen.stops, transactions);
    CHECK_EQ(seen.readings + thinned + dropped, transactions * readings);
    CHECK(seen.readings >= transactions);
    printf("  %u transactions, %u readings, %u thinned, %u refused, %u compactions\n",
           (unsigned)transactions, (unsigned)seen.readings, (unsigned)thinned, (unsigned)dropped,
           (unsigned)store.journal.generation - 1u);
    CHECK_EQ(store.queued_bytes, 0);
    CHECK_EQ(store.lost + store.unreadable, 0);
}

#if CONFIG_EVSE_MESSAGES_MAX >= 4096
static void store_holds_1000_transactions_in_1_MB(void)
{
    keep_unsent(1000, 3, SEGMENT_BYTES_MAX);
}
#endif

static void store_holds_50_transactions_in_64_KB(void)
{
    keep_unsent(50, 5, 32768);
}

static void store_long_session_offline_is_thinned_first_and_last_stay(void)
{
    memset(&seen, 0, sizeof seen);
    set_up(8192);
    REQUIRE(session(1, 2000));
    uint32_t left = evse_store_waiting(&store) - 2u;
    CHECK_EQ(left + store.thinned, 2000);
    CHECK(left >= 8 && store.thinned > 1000);
    evse_message_t first, last;
    CHECK_EQ(evse_store_peek(&store, 1, &first), 1);
    CHECK_EQ(evse_store_peek(&store, left, &last), 1);
    CHECK_EQ(first.register_Wh, 1001);
    CHECK_EQ(last.register_Wh, 3000);
    reboot();
    CHECK_EQ(evse_store_waiting(&store), left + 2u); // what is gone does not come back
    CHECK_EQ(evse_store_set_clock(&store, 1700000000000u), HF_OK);
    settle();
    deliver(UINT32_MAX);
    CHECK_EQ(seen.readings, left);
    CHECK_EQ(seen.stops, 1);
}

/// Readings and checkpoints until a thinning of several records has a compaction among them. False: it never came to that.
static bool thin_through_a_compaction(uint32_t seed)
{
    uint64_t register_mJ = 1000 * WH;
    for (uint32_t i = 1; i <= 3000; i++) {
        now_us += 1000000u;
        const evse_message_t sample = {.at = now(), .register_Wh = 1000u + i};
        seed = seed * 1103515245u + 12345u;
        for (uint32_t n = (seed >> 16) % 3u; n > 0; n--) {
            register_mJ += 5u;
            CHECK_EQ(evse_store_register(&store, 0, register_mJ, now_us, true), HF_OK);
        }
        uint32_t thinned = store.thinned, compactions = store.journal.compactions;
        CHECK_EQ(evse_store_meter(&store, 0, &sample, true), HF_OK);
        settle();
        if (store.thinned - thinned > 40u && store.journal.compactions != compactions) {
            return true;
        }
    }
    return false;
}

static void store_thinning_through_a_compaction_is_for_good(void)
{
    uint32_t hits = 0;
    for (uint32_t seed = 1; seed <= 24; seed++) {
        set_up(20480);
        CHECK_EQ(evse_store_set_clock(&store, 1700000000000u), HF_OK);
        REQUIRE(begin(1000 * WH) == HF_OK);
        hits += thin_through_a_compaction(seed) ? 1u : 0u;
        uint32_t left = evse_store_waiting(&store);
        uint64_t last = 0;
        for (uint32_t i = 0; i < left / 2u; i++) {
            const evse_message_t *message = evse_store_next(&store);
            REQUIRE(message != NULL);
            CHECK(message->id > last);
            last = message->id;
            CHECK_EQ(evse_store_confirm(&store, 5), HF_OK);
            settle();
        }
        reboot();
        CHECK_EQ(evse_store_waiting(&store), left - left / 2u + 1u); // and the STOP of the boot
        evse_message_t next;
        CHECK_EQ(evse_store_peek(&store, 0, &next), 1);
        CHECK(next.id > last);
    }
    CHECK(hits >= 3u || CONFIG_EVSE_MESSAGES_MAX < 4096); // a short index thins by few at a time
}

static void store_new_session_is_refused_only_when_thinning_gives_no_room(void)
{
    uint32_t sessions = 0;
    set_up(8192);
    while (sessions < 500 && session(sessions + 1u, 6)) {
        sessions++;
    }
    CHECK(sessions >= 30); // START and STOP are 152 bytes
    CHECK_EQ(begin(0), HF_E_FULL);
    // Of every transaction all readings but two at most are gone.
    CHECK(evse_store_waiting(&store) <= sessions * 4u + 2u);
    CHECK_EQ(store.lost, 0);
    evse_message_t message = {.id = 0}, before;
    for (uint32_t i = 0; i < 20; i++) { // the oldest had readings: the first and the last are there
        before = message;
        REQUIRE(evse_store_peek(&store, i, &message) == 1);
        if (message.kind == EVSE_MESSAGE_METER && before.kind == EVSE_MESSAGE_START) {
            CHECK_EQ(message.register_Wh, before.register_Wh + 1u);
        } else if (message.kind == EVSE_MESSAGE_STOP) {
            CHECK_EQ(before.kind, EVSE_MESSAGE_METER);
            CHECK_EQ(message.register_Wh, before.register_Wh);
        }
    }
}

static void store_online_session_costs_four_appends(void)
{
    set_up(SEGMENT_BYTES_MAX);
    CHECK_EQ(evse_store_set_clock(&store, 1700000000000u), HF_OK);
    uint64_t appended = hf_journal_appended(&store.journal);
    uint32_t bytes = store.journal.bytes_appended, checkpoints = 0;
    REQUIRE(begin(1000 * WH) == HF_OK);
    settle();
    CHECK(evse_store_next(&store) != NULL);
    CHECK_EQ(evse_store_confirm(&store, 55), HF_OK);
    settle();
    for (uint64_t second = 1; second <= 1800; second++) { // 3 kW
        now_us += 1000000u;
        uint64_t before = hf_journal_appended(&store.journal);
        uint32_t bytes_before = store.journal.bytes_appended;
        CHECK_EQ(evse_store_register(&store, 0, 1000 * WH + second * 3000000u, now_us, false),
                 HF_OK);
        uint64_t made = hf_journal_appended(&store.journal) - before;
        CHECK(store.journal.bytes_appended - bytes_before <= 32u * made);
        checkpoints += (uint32_t)made;
        bytes += store.journal.bytes_appended - bytes_before;
        if (second % 360u == 180u) {
            const evse_message_t sample = reading(1001);
            CHECK_EQ(evse_store_meter(&store, 0, &sample, false), HF_OK);
            CHECK(evse_store_next(&store) != NULL);
            CHECK_EQ(evse_store_confirm(&store, 0), HF_OK);
        }
        CHECK_EQ(evse_store_poll(&store, now_us), HF_OK);
    }
    CHECK_EQ(evse_store_end(&store, 0, EVSE_STOP_EVDisconnected, NULL, 2500 * WH, now()), HF_OK);
    CHECK_EQ(evse_store_set_finishing(&store, 0, true), HF_OK);
    settle();
    CHECK(evse_store_next(&store) != NULL);
    CHECK_EQ(evse_store_confirm(&store, 0), HF_OK);
    settle();
    CHECK_EQ(evse_store_set_finishing(&store, 0, false), HF_OK); // told with the next checkpoint
    CHECK_EQ(hf_journal_appended(&store.journal) - appended - checkpoints, 4);
    CHECK(checkpoints >= 29 && checkpoints <= 30);
    bytes = store.journal.bytes_appended - bytes;
    printf("  4 appends, %u bytes; %u checkpoints\n", (unsigned)bytes, (unsigned)checkpoints);
    CHECK(bytes <= 500);
    CHECK_EQ(evse_store_waiting(&store), 0);
    now_us += 61000000u;
    settle();
    reboot();
    CHECK(!store.finishing[0]);
}

int main(int argc, char **argv)
{
    static const hf_test_case_t cases[] = {
#if CONFIG_EVSE_MESSAGES_MAX >= 4096
        HF_TEST(store_holds_1000_transactions_in_1_MB),
#endif
        HF_TEST(store_holds_50_transactions_in_64_KB),
        HF_TEST(store_long_session_offline_is_thinned_first_and_last_stay),
        HF_TEST(store_thinning_through_a_compaction_is_for_good),
        HF_TEST(store_new_session_is_refused_only_when_thinning_gives_no_room),
        HF_TEST(store_online_session_costs_four_appends)
    };
    return hf_test_run(cases, HF_COUNT_OF(cases), argc > 1 ? argv[1] : NULL);
}

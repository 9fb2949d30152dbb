// SPDX-License-Identifier: MIT
// What the journal is told late or for later: readings of an undisturbed session, sample sets of a STOP, refusals;
// records of
// version 1; settings packed to the last byte.
#include "hf_test.h"
#include "support/store_world.h"

static world_t w;

static void set_up(void)
{
    memset(&w, 0, sizeof w);
    CHECK_EQ(world_init(&w, 2, 4, false), HF_OK);
    CHECK_EQ(world_boot(&w), HF_OK);
    CHECK_EQ(evse_store_set_clock(&w.store, 1000000), HF_OK);
}

static evse_message_t reading(uint64_t Wh)
{
    return (evse_message_t){.at = world_at(&w, Wh),
                            .register_Wh = Wh,
                            .samples = 2,
                            .sample = {{.measurand = 3, .phase = 2, .value = (int32_t)Wh},
                                       {.measurand = 4, .value = -1}}};
}

static void meter(unsigned connector, uint64_t Wh, bool keep)
{
    const evse_message_t sample = reading(Wh);
    CHECK_EQ(evse_store_meter(&w.store, connector, &sample, keep), HF_OK);
}

static void txdata(unsigned connector, uint64_t Wh)
{
    const evse_message_t sample = reading(Wh);
    CHECK_EQ(evse_store_txdata(&w.store, connector, &sample), HF_OK);
}

static void begin(unsigned connector)
{
    CHECK_EQ(world_begin(&w, connector, "CARD", 0, world_at(&w, 1)), HF_OK);
}

static void end(unsigned connector, uint64_t Wh)
{
    CHECK_EQ(
        evse_store_end(&w.store, connector, EVSE_STOP_Local, "CARD", Wh * WH, world_at(&w, Wh)),
        HF_OK);
}

static void power_cycle(void)
{
    CHECK_EQ(world_settle(&w), HF_OK);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(evse_store_set_clock(&w.store, 9000000), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
}

/// What waits is of these kinds, with these registers.
static void check_queue(const char *kinds, const uint64_t *Wh)
{
    CHECK_EQ(world_queue_length(&w), strlen(kinds));
    uint64_t id = 0;
    for (uint32_t i = 0; i < strlen(kinds); i++) {
        const evse_message_t message = world_peek(&w, i);
        CHECK_EQ(kinds[i], " SMP"[message.kind]);
        CHECK_EQ(message.register_Wh, Wh[i]);
        CHECK(message.id > id);
        id = message.id;
    }
}

static void deliver(evse_message_kind_t kind)
{
    CHECK_EQ(world_settle(&w), HF_OK);
    const evse_message_t *message = evse_store_next(&w.store);
    REQUIRE(message != NULL);
    CHECK_EQ(message->kind, kind);
    CHECK_EQ(evse_store_confirm(&w.store, 7), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
}

static void store_readings_journalled_late_keep_their_place(void)
{
    set_up();
    begin(0);
    meter(0, 1, false);
    meter(0, 2, false);
    begin(1);
    meter(1, 3, false);
    end(0, 4);
    meter(1, 6, true);
    end(1, 6);
    CHECK_EQ(w.store.readings, 3);
    CHECK_EQ(evse_store_keep_all(&w.store), HF_OK);
    CHECK_EQ(w.store.readings, 0);
    uint64_t appended = hf_journal_appended(&w.store.journal);
    CHECK_EQ(evse_store_keep_all(&w.store), HF_OK);
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended);
    static const uint64_t expected[] = {0, 1, 2, 0, 3, 4, 6, 6};
    check_queue("SMMSMPMP", expected);
    power_cycle();
    check_queue("SMMSMPMP", expected);
    CHECK_EQ(world_peek(&w, 4).sample[0].phase, 2);
    power_cycle();
    static const evse_message_kind_t kinds[] = {
        EVSE_MESSAGE_START, EVSE_MESSAGE_METER, EVSE_MESSAGE_METER, EVSE_MESSAGE_START,
        EVSE_MESSAGE_METER, EVSE_MESSAGE_STOP,  EVSE_MESSAGE_METER, EVSE_MESSAGE_STOP};
    for (size_t i = 0; i < HF_COUNT_OF(kinds); i++) {
        deliver(kinds[i]);
    }
    CHECK_EQ(world_queue_length(&w), 0);
    power_cycle();
    CHECK_EQ(world_queue_length(&w), 0);
}

static void store_reading_in_flight_is_journalled_and_confirmed_once(void)
{
    set_up();
    begin(0);
    meter(0, 1, false);
    deliver(EVSE_MESSAGE_START);
    REQUIRE(evse_store_next(&w.store) != NULL); // it is on its way
    CHECK_EQ(evse_store_keep_all(&w.store), HF_OK);
    REQUIRE(evse_store_next(&w.store) != NULL); // still the same, although not durable yet
    CHECK_EQ(evse_store_confirm(&w.store, 0), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    CHECK_EQ(w.store.queued_bytes, 0);
    power_cycle();
    CHECK_EQ(world_queue_length(&w), 1); // the STOP of the boot
    CHECK_EQ(world_peek(&w, 0).kind, EVSE_MESSAGE_STOP);
}

static void store_orderly_shutdown_journals_the_readings(void)
{
    static const uint64_t Wh[] = {0, 5, 5};
    set_up();
    begin(0);
    meter(0, 5, false);
    CHECK_EQ(evse_store_shutdown(&w.store, EVSE_STOP_Reboot), HF_OK);
    power_cycle();
    check_queue("SMP", Wh);
    CHECK_EQ(world_last(&w).reason, EVSE_STOP_Reboot);
}

static void store_begin_after_a_shutdown_takes_it_back(void)
{
    for (int boot = 0; boot < 2; boot++) {
        set_up();
        CHECK_EQ(evse_store_shutdown(&w.store, EVSE_STOP_SoftReset), HF_OK);
        begin(0);
        for (unsigned i = 0; boot == 1 && i < 300; i++) { // the same over a compaction
            CHECK_EQ(evse_store_set_latch(&w.store, i % 2u == 0, i), HF_OK);
            CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
        }
        power_cycle();
        CHECK_EQ(world_last(&w).reason, EVSE_STOP_PowerLoss);
    }
}

static uint32_t read_sets(uint32_t transaction, int32_t *values)
{
    evse_message_t set;
    uint32_t cursor = 0, count = 0;
    while (evse_store_txdata_next(&w.store, transaction, &cursor, &set) == 1) {
        values[count++] = set.sample[0].value;
    }
    return count;
}

static void store_sample_sets_go_with_their_stop(void)
{
    int32_t values[CONFIG_EVSE_TXDATA_MAX];
    set_up();
    begin(0);
    begin(1);
    txdata(0, 10);
    txdata(1, 90);
    txdata(0, 11);
    end(0, 12);
    txdata(1, 91);
    CHECK_EQ(world_queue_length(&w), 3); // they are no messages
    for (int boot = 0; boot < 2; boot++) {
        const uint32_t first = world_peek(&w, 0).transaction;
        CHECK_EQ(read_sets(first, values), 2);
        CHECK(values[0] == 10 && values[1] == 11);
        CHECK_EQ(read_sets(first + 1u, values), 2);
        CHECK(values[0] == 90 && values[1] == 91);
        for (unsigned i = 0; i < 300; i++) { // compactions carry them over
            CHECK_EQ(evse_store_set_latch(&w.store, i % 2u == 0, i), HF_OK);
            CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
        }
        power_cycle();
    }
    const uint32_t first = world_peek(&w, 0).transaction;
    deliver(EVSE_MESSAGE_START);
    deliver(EVSE_MESSAGE_START);
    CHECK_EQ(read_sets(first, values), 2);
    deliver(EVSE_MESSAGE_STOP);
    CHECK_EQ(read_sets(first, values), 0); // gone with the confirmation
    CHECK_EQ(read_sets(first + 1u, values), 2);
    deliver(EVSE_MESSAGE_STOP);
    CHECK_EQ(w.store.count, 0);
    CHECK_EQ(w.store.queued_bytes, 0);
    power_cycle();
    CHECK_EQ(w.store.count, 0);
}

static void store_sample_sets_are_thinned_first_and_newest_stay(void)
{
    int32_t before[CONFIG_EVSE_TXDATA_MAX], after[CONFIG_EVSE_TXDATA_MAX];
    memset(&w, 0, sizeof w);
    w.segment_bytes = WORLD_BYTES_MAX;
    CHECK_EQ(world_init(&w, 2, 4, false), HF_OK);
    CHECK_EQ(world_boot(&w), HF_OK);
    begin(0);
    for (uint64_t i = 0; i < 3u * CONFIG_EVSE_TXDATA_MAX; i++) {
        txdata(0, i);
    }
    const uint32_t transaction = world_peek(&w, 0).transaction;
    const uint32_t count = read_sets(transaction, before);
    CHECK(count > 1 && count <= CONFIG_EVSE_TXDATA_MAX);
    CHECK_EQ(before[0], 0);
    CHECK_EQ(before[count - 1u], 3 * CONFIG_EVSE_TXDATA_MAX - 1);
    end(0, 1000);
    power_cycle();
    CHECK_EQ(read_sets(transaction, after), count); // the resend carries the same
    CHECK(memcmp(before, after, count * sizeof before[0]) == 0);
}

static void store_refusals_are_counted_over_a_reboot(void)
{
    set_up();
    begin(0);
    end(0, 0);
    CHECK_EQ(world_settle(&w), HF_OK);
    uint64_t appended = hf_journal_appended(&w.store.journal);
    REQUIRE(evse_store_next(&w.store) != NULL);
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended); // nothing is written for a sending
    CHECK_EQ(evse_store_refuse(&w.store, 3), HF_OK);
    power_cycle();
    REQUIRE(evse_store_next(&w.store) != NULL);
    CHECK_EQ(evse_store_next(&w.store)->attempts, 1);
    CHECK_EQ(evse_store_refuse(&w.store, 3), HF_OK);
    for (unsigned i = 0; i < 300; i++) {
        CHECK_EQ(evse_store_set_latch(&w.store, i % 2u == 0, i), HF_OK);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    }
    power_cycle();
    REQUIRE(evse_store_next(&w.store) != NULL);
    CHECK_EQ(evse_store_next(&w.store)->attempts, 2);
    CHECK_EQ(evse_store_refuse(&w.store, 3), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    CHECK_EQ(w.store.lost, 1);
    REQUIRE(evse_store_next(&w.store) != NULL);
    CHECK_EQ(evse_store_next(&w.store)->kind, EVSE_MESSAGE_STOP);
    CHECK_EQ(evse_store_next(&w.store)->attempts, 0);
}

static void store_refusals_of_a_reading_journalled_late_are_counted_on(void)
{
    set_up();
    begin(0);
    deliver(EVSE_MESSAGE_START);
    meter(0, 10, false);
    REQUIRE(evse_store_next(&w.store) != NULL);
    CHECK_EQ(evse_store_refuse(&w.store, 3), HF_OK);
    CHECK_EQ(evse_store_keep_all(&w.store), HF_OK);
    power_cycle();
    REQUIRE(evse_store_next(&w.store) != NULL);
    CHECK_EQ(evse_store_next(&w.store)->kind, EVSE_MESSAGE_METER);
    CHECK_EQ(evse_store_next(&w.store)->attempts, 1);
}

static void store_stop_made_at_boot_is_not_behind_its_sample_sets(void)
{
    for (unsigned delivered = 0; delivered < 2; delivered++) {
        set_up();
        begin(0);
        if (delivered != 0) {
            deliver(EVSE_MESSAGE_START);
        }
        txdata(0, 40);
        power_cycle();
        const evse_message_t stop = world_last(&w);
        CHECK_EQ(stop.kind, EVSE_MESSAGE_STOP);
        CHECK_EQ(stop.register_Wh, 40);
        CHECK_EQ(stop.at.since_boot_ms, 40);
    }
}

static void store_stop_made_at_boot_goes_by_the_clock_of_its_start(void)
{
    set_up(); // the store was told 1000000; the clock has been stepped since, either way
    for (unsigned back = 0; back < 2; back++) {
        evse_moment_t at = world_at(&w, 1000);
        at.utc_ms = back != 0 ? 700000 + 1000 : 5000000 + 1000;
        CHECK_EQ(world_begin(&w, 0, "CARD", back * 90u * WH, at), HF_OK);
        CHECK_EQ(evse_store_register(&w.store, 0, (back * 90u + 60u) * WH, 8000000, false), HF_OK);
        power_cycle();
        const evse_message_t stop = world_last(&w);
        CHECK_EQ(stop.register_Wh, back * 90u + 60u);
        CHECK_EQ(stop.at.since_boot_ms, 8000);
        CHECK_EQ(stop.at.utc_ms, at.utc_ms + 7000u);
    }
}

static void append_v1(uint8_t type, const uint8_t *data, uint32_t length)
{
    CHECK_EQ(hf_journal_append(&w.store.journal, type, 1, data, length), HF_OK);
}

/// id, transaction, moment, Wh: the head of a message of version 1.
static uint32_t head_v1(uint8_t *data, uint8_t sequence, uint8_t transaction, uint8_t Wh)
{
    memset(data, 0, 40);
    data[0] = sequence;
    data[4] = 1; // boot
    data[8] = transaction;
    data[12] = 1;
    data[16] = sequence; // ms since boot
    data[32] = Wh;
    return 40;
}

static void store_records_of_version_1_are_read(void)
{
    static const uint64_t Wh[] = {3, 4, 5, 5, 6};
    uint8_t data[80];
    set_up();
    uint32_t n = head_v1(data, 10, 1, 3);
    memcpy(&data[n], "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02OK", 12); // connector, register, tag
    append_v1(5, data, n + 12);
    n = head_v1(data, 11, 1, 4);
    memcpy(&data[n], "\x01\x01\x02\xF9\xFF\xFF\xFF", 7); // context, one sample: -7
    append_v1(6, data, n + 7);
    n = head_v1(data, 12, 1, 5);
    memcpy(&data[n], "\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00", 10); // reason, register, no tag
    append_v1(7, data, n + 10);
    n = head_v1(data, 13, 2, 5);
    memcpy(&data[n],
           "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02"
           "AB",
           12);
    append_v1(5, data, n + 12);
    n = head_v1(data, 14, 2, 6);
    memcpy(&data[n], "\x03\x00\x00\x00\x00\x00\x00\x00\x00\x01X", 11);
    append_v1(7, data, n + 11);
    for (int boot = 0; boot < 2; boot++) {
        power_cycle();
        check_queue("SMPSP", Wh);
        CHECK_EQ(world_peek(&w, 1).sample[0].value, -7);
        CHECK_EQ(world_peek(&w, 1).sample[0].phase, 0);
        for (unsigned i = 0; i < 300; i++) { // carried over as they are
            CHECK_EQ(evse_store_set_latch(&w.store, i % 2u == 0, i), HF_OK);
            CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
        }
    }
    deliver(EVSE_MESSAGE_START);
    deliver(EVSE_MESSAGE_METER);
    deliver(EVSE_MESSAGE_STOP);
    CHECK_EQ(world_settle(&w), HF_OK);
    const evse_message_t *start = evse_store_next(&w.store);
    REQUIRE(start != NULL);
    const evse_transaction_t *transaction = evse_store_transaction(&w.store, start->transaction);
    REQUIRE(transaction != NULL);
    CHECK_STR(transaction->id_tag, "AB");
    CHECK_EQ(transaction->connector, 1);
    CHECK_EQ(transaction->reservation_id, EVSE_RESERVATION_NONE);
    deliver(EVSE_MESSAGE_START);
    REQUIRE(evse_store_next(&w.store) != NULL);
    CHECK_STR(evse_store_transaction(&w.store, 2)->stop_id_tag, "X");
    deliver(EVSE_MESSAGE_STOP);
}

static void store_reservation_and_phase_survive_a_reboot(void)
{
    set_up();
    const evse_begin_t reserved = {
        .id_tag = "R", .register_mJ = WH, .at = world_at(&w, 1), .reservation_id = -12};
    CHECK_EQ(evse_store_begin(&w.store, 0, &reserved), HF_OK);
    meter(0, 2, true);
    for (int boot = 0; boot < 2; boot++) {
        power_cycle();
        const evse_message_t *start = evse_store_next(&w.store);
        REQUIRE(start != NULL);
        CHECK_EQ(evse_store_transaction(&w.store, start->transaction)->reservation_id, -12);
        CHECK_EQ(world_peek(&w, 1).sample[0].phase, 2);
    }
}

static void store_message_lost_by_the_flash_does_not_hold_up_the_rest(void)
{
    set_up();
    begin(0);
    meter(0, 1, true);
    uint32_t at = hf_journal_position(&w.store.journal);
    end(0, 2);
    CHECK_EQ(world_settle(&w), HF_OK);
    w.memory[at + 20u] ^= 4u;
    deliver(EVSE_MESSAGE_START);
    deliver(EVSE_MESSAGE_STOP);
    CHECK_EQ(w.store.lost, 1);
    CHECK_EQ(w.store.unreadable, 1);
    CHECK_EQ(world_queue_length(&w), 0);
}

static void store_settings_fill_their_bytes_and_no_more(void)
{
    memset(&w, 0, sizeof w);
    w.segment_bytes = WORLD_BYTES_MAX;
    CHECK_EQ(world_init(&w, 2, 4, false), HF_OK);
    CHECK_EQ(world_boot(&w), HF_OK);
    char key[8] = "K00", value[120];
    memset(value, 'v', sizeof value);
    value[sizeof value - 1u] = '\0';
    unsigned count = 0;
    int status;
    while ((status = evse_store_set(&w.store, key, value)) == HF_OK && count < 99) {
        count++;
        key[1] = (char)('0' + count / 10u);
        key[2] = (char)('0' + count % 10u);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    }
    CHECK_EQ(status, HF_E_FULL);
    CHECK_EQ(count, CONFIG_EVSE_SETTINGS_BYTES / (4u + sizeof value));
    CHECK(evse_store_get(&w.store, key) == NULL);
    value[3] = '\0';
    CHECK_EQ(evse_store_set(&w.store, "K00", value),
             HF_OK); // shorter: now there is room for a small one
    CHECK_EQ(evse_store_set(&w.store, "new", "n"), HF_OK);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_STR(evse_store_get(&w.store, "K00"), "vvv");
    CHECK_STR(evse_store_get(&w.store, "new"), "n");
    CHECK_EQ(w.store.setting_count, count + 1u);
}

static void store_unplugged_stays_so_through_a_compaction(void)
{
    set_up();
    begin(0);
    end(0, 1); // undelivered: its STOP says Finishing, wherever it is copied to
    CHECK_EQ(evse_store_set_finishing(&w.store, 0, true), HF_OK);
    CHECK_EQ(evse_store_set_finishing(&w.store, 0, false), HF_OK);
    CHECK_EQ(evse_store_poll(&w.store, 61000000), HF_OK); // told with a checkpoint
    for (int boot = 0; boot < 2; boot++) {
        for (unsigned i = 0; i < 300; i++) {
            CHECK_EQ(evse_store_set_latch(&w.store, i % 2u == 0, i), HF_OK);
            CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
        }
        CHECK(w.store.journal.compactions > 0);
        power_cycle();
        CHECK(!w.store.finishing[0]);
    }
    CHECK_EQ(evse_store_set_finishing(&w.store, 0, true), HF_OK);
    for (unsigned i = 0; i < 300; i++) {
        CHECK_EQ(evse_store_set_latch(&w.store, i % 2u == 0, i), HF_OK);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    }
    power_cycle();
    CHECK(w.store.finishing[0]);
}

static void store_offers_nothing_without_a_time(void)
{
    memset(&w, 0, sizeof w);
    CHECK_EQ(world_init(&w, 2, 4, false), HF_OK);
    CHECK_EQ(world_boot(&w), HF_OK);
    begin(0);
    CHECK_EQ(world_settle(&w), HF_OK);
    CHECK(evse_store_next(&w.store) == NULL);
    CHECK_EQ(evse_store_set_clock(&w.store, 1000000), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    CHECK(evse_store_next(&w.store) != NULL);
}

HF_TEST_MAIN(HF_TEST(store_unplugged_stays_so_through_a_compaction),
             HF_TEST(store_offers_nothing_without_a_time),
             HF_TEST(store_readings_journalled_late_keep_their_place),
             HF_TEST(store_reading_in_flight_is_journalled_and_confirmed_once),
             HF_TEST(store_orderly_shutdown_journals_the_readings),
             HF_TEST(store_begin_after_a_shutdown_takes_it_back),
             HF_TEST(store_sample_sets_go_with_their_stop),
             HF_TEST(store_sample_sets_are_thinned_first_and_newest_stay),
             HF_TEST(store_refusals_are_counted_over_a_reboot),
             HF_TEST(store_refusals_of_a_reading_journalled_late_are_counted_on),
             HF_TEST(store_stop_made_at_boot_is_not_behind_its_sample_sets),
             HF_TEST(store_stop_made_at_boot_goes_by_the_clock_of_its_start),
             HF_TEST(store_records_of_version_1_are_read),
             HF_TEST(store_reservation_and_phase_survive_a_reboot),
             HF_TEST(store_message_lost_by_the_flash_does_not_hold_up_the_rest),
             HF_TEST(store_settings_fill_their_bytes_and_no_more))

// SPDX-License-Identifier: MIT
// Each line of the store's contract, on flash in memory.
#include "hf_test.h"
#include "support/store_world.h"

static world_t w;

static void set_up(void)
{
    memset(&w, 0, sizeof w);
    CHECK_EQ(world_init(&w, 2, 4, false), HF_OK);
    CHECK_EQ(world_boot(&w), HF_OK);
}

static evse_message_t reading(uint64_t Wh, uint64_t since_boot_ms)
{
    evse_message_t sample = {
        .at = world_at(&w, since_boot_ms),
        .register_Wh = Wh,
        .context = 1,
        .samples = 2,
        .sample = {{.measurand = 2, .value = 77250}, {.measurand = 6, .value = -105}}};
    return sample;
}

static int begin(unsigned connector, uint64_t register_mJ, uint64_t since_boot_ms)
{
    return world_begin(&w, connector, "CARD-1", register_mJ, world_at(&w, since_boot_ms));
}

static int end(unsigned connector, uint64_t register_mJ, uint64_t since_boot_ms)
{
    return evse_store_end(&w.store, connector, EVSE_STOP_Remote, "CARD-2", register_mJ,
                          world_at(&w, since_boot_ms));
}

/// Settles and gives the message that may be sent, or NULL.
static const evse_message_t *offered(void)
{
    if (w.store.utc_offset_ms == 0) {
        CHECK_EQ(evse_store_set_clock(&w.store, 1000000), HF_OK);
    }
    CHECK_EQ(world_settle(&w), HF_OK);
    return evse_store_next(&w.store);
}

static void deliver(evse_message_kind_t kind, int32_t transaction_id)
{
    const evse_message_t *message = offered();
    REQUIRE(message != NULL);
    CHECK_EQ(message->kind, kind);
    CHECK_EQ(evse_store_confirm(&w.store, transaction_id), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
}

static void store_blank_flash_begins_at_boot_one(void)
{
    set_up();
    CHECK_EQ(w.store.boot, 1);
    CHECK_EQ(w.store.station_nonce, WORLD_NONCE);
    CHECK(evse_store_is_durable(&w.store));
    CHECK(evse_store_has_room(&w.store));
    CHECK(evse_store_next(&w.store) == NULL);
    CHECK(!w.store.orderly);
    CHECK_EQ(w.store.recovered, 0);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(w.store.boot, 2);
}

static void store_nonce_of_the_flash_wins(void)
{
    set_up();
    evse_store_config_t config = {.flash = &w.flash, .station_nonce = 99, .connectors = 1};
    REQUIRE(evse_store_open(&w.store, &config) == HF_OK);
    CHECK_EQ(w.store.station_nonce, WORLD_NONCE);
}

static void store_bad_connector_count_is_refused(void)
{
    set_up();
    evse_store_config_t config = {.flash = &w.flash};
    CHECK_EQ(evse_store_open(&w.store, &config), HF_E_ARGUMENT);
    config.connectors = CONFIG_EVSE_CONNECTORS_MAX + 1u;
    CHECK_EQ(evse_store_open(&w.store, &config), HF_E_ARGUMENT);
}

static void store_id_text_is_nonce_boot_sequence(void)
{
    char text[EVSE_MESSAGE_ID_BYTES];
    set_up();
    evse_store_id_text(&w.store, 0x1A0000002Bull, text);
    CHECK_STR(text, "1234abcd-1a-2b");
    w.store.station_nonce = UINT64_MAX;
    evse_store_id_text(&w.store, UINT64_MAX, text);
    CHECK_STR(text, "ffffffffffffffff-ffffffff-ffffffff");
}

static void store_ids_never_repeat_over_boots(void)
{
    set_up();
    uint64_t last = 0;
    for (int boot = 0; boot < 5; boot++) {
        for (int i = 0; i < 3; i++) {
            uint64_t id = evse_store_new_id(&w.store);
            CHECK(id > last);
            last = id;
        }
        // Nothing at all was written after the boot record: the power is cut at once.
        REQUIRE(world_power_cycle(&w) == HF_OK);
    }
}

static void store_session_goes_out_in_order(void)
{
    set_up();
    REQUIRE(begin(0, 1000 * WH, 10) == HF_OK);
    CHECK(evse_store_next(&w.store) == NULL); // not durable yet
    evse_message_t sample = reading(1001, 20);
    CHECK_EQ(evse_store_meter(&w.store, 0, &sample, false), HF_OK);
    CHECK_EQ(evse_store_meter(&w.store, 0, &sample, true), HF_OK);
    CHECK_EQ(end(0, 1002 * WH + WH / 2, 30), HF_OK);
    const evse_message_t *start = offered();
    REQUIRE(start != NULL);
    CHECK_EQ(start->register_Wh, 1000);
    CHECK_EQ(start->at.since_boot_ms, 10);
    const evse_transaction_t *transaction = evse_store_transaction(&w.store, start->transaction);
    REQUIRE(transaction != NULL);
    CHECK_STR(transaction->id_tag, "CARD-1");
    CHECK_EQ(transaction->transaction_id, EVSE_TRANSACTION_ID_UNKNOWN);
    CHECK_EQ(transaction->connector, 0);
    deliver(EVSE_MESSAGE_START, 77);
    CHECK_EQ(transaction->transaction_id, 77);
    uint64_t appended = hf_journal_appended(&w.store.journal);
    deliver(EVSE_MESSAGE_METER, 0); // never journalled: nothing is written for it
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended);
    deliver(EVSE_MESSAGE_METER, 0);
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended + 1);
    const evse_message_t *stop = offered();
    REQUIRE(stop != NULL);
    CHECK_EQ(stop->register_Wh, 1002);
    CHECK_EQ(stop->reason, EVSE_STOP_Remote);
    CHECK_STR(evse_store_transaction(&w.store, stop->transaction)->stop_id_tag, "CARD-2");
    deliver(EVSE_MESSAGE_STOP, 0);
    CHECK(offered() == NULL);
    CHECK_EQ(hf_pool_stats(&w.store.messages).in_use, 0);
    for (size_t i = 0; i < HF_COUNT_OF(w.store.slot); i++) {
        CHECK_EQ(w.store.slot[i].number, 0);
    }
}

static void store_second_begin_and_end_are_refused(void)
{
    set_up();
    CHECK_EQ(end(0, 0, 1), HF_E_STATE);
    CHECK_EQ(begin(0, 0, 1), HF_OK);
    CHECK_EQ(begin(0, 0, 1), HF_E_STATE);
    CHECK_EQ(begin(1, 0, 1), HF_OK);
    CHECK_EQ(begin(2, 0, 1), HF_E_ARGUMENT);
    CHECK_EQ(end(0, 0, 1), HF_OK);
    CHECK_EQ(end(0, 0, 1), HF_E_STATE);
    CHECK_EQ(world_begin(&w, 0, "123456789012345678901", 0, world_at(&w, 1)), HF_E_TOO_LONG);
    evse_message_t sample = reading(1, 1);
    CHECK_EQ(evse_store_meter(&w.store, 0, &sample, true), HF_E_STATE);
}

static void store_confirmed_head_is_held_until_durable(void)
{
    set_up();
    w.ram.sync_polls = 4;
    CHECK_EQ(begin(0, 0, 1), HF_OK);
    CHECK_EQ(end(0, 0, 2), HF_OK);
    REQUIRE(offered() != NULL);
    CHECK_EQ(evse_store_confirm(&w.store, 5), HF_OK);
    CHECK(evse_store_next(&w.store) == NULL);
    CHECK_EQ(evse_store_confirm(&w.store, 5), HF_E_STATE);
    CHECK_EQ(world_queue_length(&w), 2);
    CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    CHECK(evse_store_next(&w.store) == NULL);
    CHECK_EQ(world_settle(&w), HF_OK);
    CHECK_EQ(world_queue_length(&w), 1);
    REQUIRE(evse_store_next(&w.store) != NULL);
    CHECK_EQ(evse_store_next(&w.store)->kind, EVSE_MESSAGE_STOP);
}

static void store_resend_after_reboot_is_identical(void)
{
    set_up();
    CHECK_EQ(begin(1, 500 * WH, 10), HF_OK);
    evse_message_t sample = reading(501, 20);
    CHECK_EQ(evse_store_meter(&w.store, 1, &sample, true), HF_OK);
    CHECK_EQ(end(1, 502 * WH, 30), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    evse_message_t before[3];
    unsigned count = 0;
    CHECK_EQ(world_queue_length(&w), 3);
    for (; count < 3; count++) {
        before[count] = world_peek(&w, count);
    }
    for (int boot = 0; boot < 3; boot++) {
        REQUIRE(world_power_cycle(&w) == HF_OK);
        CHECK_EQ(world_queue_length(&w), 3);
        for (unsigned i = 0; i < 3; i++) {
            const evse_message_t read = world_peek(&w, i), *m = &read;
            CHECK_EQ(m->id, before[i].id);
            CHECK_EQ(m->kind, before[i].kind);
            CHECK_EQ(m->register_Wh, before[i].register_Wh);
            CHECK_EQ(m->at.boot, 1);
            CHECK_EQ(m->at.since_boot_ms, before[i].at.since_boot_ms);
            CHECK_EQ(m->reason, before[i].reason);
            CHECK_EQ(m->context, before[i].context);
            CHECK_EQ(m->samples, before[i].samples);
            for (unsigned n = 0; n < m->samples; n++) {
                CHECK_EQ(m->sample[n].measurand, before[i].sample[n].measurand);
                CHECK_EQ(m->sample[n].value, before[i].sample[n].value);
            }
        }
        CHECK_EQ(w.store.register_mJ[1], 502 * WH); // the STOP is a checkpoint as well
        CHECK(offered() != NULL);
        const evse_transaction_t *t = evse_store_transaction(&w.store, before[0].transaction);
        REQUIRE(t != NULL);
        CHECK_STR(t->id_tag, "CARD-1");
        CHECK_EQ(t->start_Wh, 500);
    }
}

static void store_unjournalled_reading_is_gone_after_reboot(void)
{
    set_up();
    CHECK_EQ(begin(0, 0, 1), HF_OK);
    evse_message_t sample = reading(1, 2);
    CHECK_EQ(evse_store_meter(&w.store, 0, &sample, false), HF_OK);
    CHECK_EQ(end(0, 2 * WH, 3), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(world_queue_length(&w), 2);
}

static void store_open_transaction_ends_at_boot(void)
{
    set_up();
    CHECK_EQ(begin(0, 100 * WH, 1000), HF_OK);
    CHECK_EQ(evse_store_register(&w.store, 0, 150 * WH, 61000000, false), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(w.store.recovered, 1);
    CHECK(w.store.open[0] == NULL);
    CHECK(w.store.finishing[0]);
    deliver(EVSE_MESSAGE_START, 4);
    const evse_message_t *stop = offered();
    REQUIRE(stop != NULL);
    CHECK_EQ(stop->kind, EVSE_MESSAGE_STOP);
    CHECK_EQ(stop->reason, EVSE_STOP_PowerLoss);
    CHECK_EQ(stop->register_Wh, 150);
    CHECK_EQ(stop->at.boot, 1);
    CHECK_EQ(stop->at.since_boot_ms, 61000);
    uint64_t id = stop->id;
    REQUIRE(world_power_cycle(&w) == HF_OK); // a crash before its delivery changes nothing
    CHECK_EQ(w.store.recovered, 0);
    stop = offered();
    REQUIRE(stop != NULL);
    CHECK_EQ(stop->id, id);
    CHECK_EQ(stop->register_Wh, 150);
    CHECK_EQ(stop->at.since_boot_ms, 61000);
}

static void store_recovery_never_goes_below_what_was_told(void)
{
    set_up();
    CHECK_EQ(begin(0, 100 * WH, 1000), HF_OK);
    evse_message_t sample = reading(123, 2000);
    CHECK_EQ(evse_store_meter(&w.store, 0, &sample, true), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    deliver(EVSE_MESSAGE_START, 4);
    deliver(EVSE_MESSAGE_METER, 0);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    const evse_message_t *stop = offered();
    REQUIRE(stop != NULL);
    CHECK_EQ(stop->register_Wh, 123);
    CHECK_EQ(stop->at.since_boot_ms, 2000);
    CHECK_EQ(evse_store_transaction(&w.store, stop->transaction)->transaction_id, 4);
}

static void store_orderly_shutdown_gives_its_reason(void)
{
    static const struct {
        evse_stop_reason_t told, expected;
    } cases[] = {{EVSE_STOP_SoftReset, EVSE_STOP_SoftReset},
                 {EVSE_STOP_HardReset, EVSE_STOP_HardReset},
                 {EVSE_STOP_Reboot, EVSE_STOP_Reboot},
                 {EVSE_STOP_None, EVSE_STOP_Reboot}};
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        set_up();
        CHECK_EQ(begin(0, 0, 1), HF_OK);
        CHECK_EQ(evse_store_shutdown(&w.store, cases[i].told), HF_OK);
        CHECK_EQ(world_settle(&w), HF_OK);
        REQUIRE(world_power_cycle(&w) == HF_OK);
        CHECK(w.store.orderly);
        CHECK_EQ(w.store.shutdown_reason, cases[i].told);
        deliver(EVSE_MESSAGE_START, 1);
        REQUIRE(offered() != NULL);
        CHECK_EQ(offered()->reason, cases[i].expected);
        REQUIRE(world_power_cycle(&w) == HF_OK);
        CHECK(!w.store.orderly); // it spoke of the boot before
    }
}

static void store_lost_start_confirmation_keeps_minus_one(void)
{
    set_up();
    CHECK_EQ(begin(0, 0, 1), HF_OK);
    CHECK_EQ(end(0, 0, 2), HF_OK);
    REQUIRE(offered() != NULL);
    CHECK_EQ(evse_store_refuse(&w.store, 3), HF_OK);
    CHECK_EQ(evse_store_refuse(&w.store, 3), HF_OK);
    CHECK_EQ(world_queue_length(&w), 2);
    CHECK_EQ(evse_store_refuse(&w.store, 3), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    CHECK_EQ(world_queue_length(&w), 1);
    CHECK_EQ(w.store.lost, 1);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    const evse_message_t *stop = offered();
    REQUIRE(stop != NULL);
    CHECK_EQ(stop->kind, EVSE_MESSAGE_STOP);
    CHECK_EQ(evse_store_transaction(&w.store, stop->transaction)->transaction_id, -1);
}

static void store_stop_always_has_room(void)
{
    set_up();
    evse_message_t sample = reading(1, 1);
    CHECK_EQ(begin(0, 0, 1), HF_OK);
    for (unsigned i = 0; i < 3000; i++) { // far more than there is room for: they are thinned
        CHECK_EQ(evse_store_meter(&w.store, 0, &sample, i % 100u != 0), HF_OK);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    }
    CHECK(w.store.thinned > 2000);
    unsigned sessions = 0;
    CHECK_EQ(end(0, 0, 1), HF_OK);
    while (begin(sessions % 2u, 0, 1) == HF_OK && sessions < 5000) {
        CHECK_EQ(end(sessions % 2u, 0, 1), HF_OK);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
        sessions++;
    }
    CHECK(sessions >= 12);
    CHECK(!evse_store_has_room(&w.store));
    CHECK_EQ(begin(0, 0, 1), HF_E_FULL);
    CHECK_EQ(w.store.unrecorded, 0);
    unsigned left = world_queue_length(&w);
    CHECK_EQ(left, 2u + 2u * (sessions + 1u)); // of the readings the first and the last
    for (; left > 0; left--) { // and all of it can be delivered, compactions included
        REQUIRE(offered() != NULL);
        CHECK_EQ(evse_store_confirm(&w.store, 9), HF_OK);
        CHECK_EQ(world_settle(&w), HF_OK);
    }
    CHECK(evse_store_has_room(&w.store));
    CHECK_EQ(w.store.queued_bytes, 0);
}

static void store_full_journal_keeps_open_sessions_whole(void)
{
    set_up();
    CHECK_EQ(begin(1, 0, 1), HF_OK); // stays open while the journal fills
    evse_message_t sample = reading(1, 1);
    for (unsigned i = 0; i < 500; i++) {
        CHECK_EQ(evse_store_meter(&w.store, 1, &sample, true), HF_OK);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    }
    while (begin(0, 0, 1) == HF_OK) {
        CHECK_EQ(end(0, 0, 1), HF_OK);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    }
    for (uint64_t i = 1; i < 400; i++) { // checkpoints and latches go on, through compactions
        CHECK_EQ(evse_store_register(&w.store, 1, i * 60 * WH, i, false), HF_OK);
        CHECK_EQ(evse_store_set_latch(&w.store, i % 2u == 0, 0), HF_OK);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    }
    CHECK(w.store.journal.compactions > 0);
    CHECK_EQ(end(1, 400 * 60 * WH, 1), HF_OK);
    CHECK_EQ(w.store.unrecorded, 0);
    CHECK_EQ(world_settle(&w), HF_OK);
    unsigned length = world_queue_length(&w);
    uint32_t bytes = w.store.queued_bytes;
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(world_queue_length(&w), length);
    CHECK_EQ(w.store.queued_bytes, bytes);
    CHECK_EQ(w.store.recovered, 0);
}

static void store_register_is_checkpointed_by_time_and_energy(void)
{
    set_up();
    uint64_t appended = hf_journal_appended(&w.store.journal);
    CHECK_EQ(evse_store_register(&w.store, 0, WH, 59999999, false), HF_OK);
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended);
    CHECK_EQ(evse_store_register(&w.store, 0, WH, 60000000, false), HF_OK);
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended + 1);
    CHECK_EQ(evse_store_register(&w.store, 0, 51 * WH - 1, 60000001, false), HF_OK);
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended + 1);
    CHECK_EQ(evse_store_register(&w.store, 0, 51 * WH, 60000002, false), HF_OK);
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended + 2);
    CHECK_EQ(evse_store_register(&w.store, 0, 51 * WH + 1, 60000003, true), HF_OK);
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended + 3);
    CHECK_EQ(evse_store_register(&w.store, 0, 51 * WH, 60000004, true), HF_OK);       // never back
    CHECK_EQ(evse_store_register(&w.store, 0, 51 * WH + 1, 999000000, false), HF_OK); // idle
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended + 3);
    CHECK_EQ(world_settle(&w), HF_OK);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(w.store.register_mJ[0], 51 * WH + 1);
    CHECK_EQ(w.store.register_mJ[1], 0);
}

static void store_values_survive_reboots_and_compactions(void)
{
    set_up();
    CHECK_EQ(evse_store_set(&w.store, "HeartbeatInterval", "60"), HF_OK);
    CHECK_EQ(evse_store_set(&w.store, "HeartbeatInterval", "90"), HF_OK);
    CHECK_EQ(evse_store_set(&w.store, "Empty", ""), HF_OK);
    CHECK_EQ(evse_store_set_inoperative(&w.store, 0, true), HF_OK);
    CHECK_EQ(evse_store_set_inoperative(&w.store, 2, true), HF_OK);
    CHECK_EQ(evse_store_set_finishing(&w.store, 1, true), HF_OK);
    CHECK_EQ(evse_store_set_latch(&w.store, true, 2), HF_OK);
    const evse_proof_t proof = {"m33-1024", 3, 21, 3100}, none = {.units = 1};
    CHECK_EQ(evse_store_set_proof(&w.store, 1, &proof), HF_OK);
    CHECK_EQ(evse_store_set_proof(&w.store, 2, &proof), HF_E_ARGUMENT);
    CHECK_EQ(evse_store_set_proof(&w.store, 1, &none), HF_E_ARGUMENT);
    uint64_t appended = hf_journal_appended(&w.store.journal);
    CHECK_EQ(evse_store_set(&w.store, "HeartbeatInterval", "90"), HF_OK); // nothing new
    CHECK_EQ(evse_store_set_latch(&w.store, true, 2), HF_OK);
    CHECK_EQ(evse_store_set_finishing(&w.store, 1, true), HF_OK);
    CHECK_EQ(hf_journal_appended(&w.store.journal), appended);
    for (uint64_t i = 1; i < 300; i++) {
        CHECK_EQ(evse_store_register(&w.store, 0, i, i, true), HF_OK);
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_OK);
    }
    CHECK(w.store.journal.compactions >= 2);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_STR(evse_store_get(&w.store, "HeartbeatInterval"), "90");
    CHECK_STR(evse_store_get(&w.store, "Empty"), "");
    CHECK(evse_store_get(&w.store, "Unknown") == NULL);
    CHECK(w.store.inoperative[0] && !w.store.inoperative[1] && w.store.inoperative[2]);
    CHECK(!w.store.finishing[0] && w.store.finishing[1]);
    CHECK(w.store.estop_latched);
    CHECK_EQ(w.store.weld_latched, 2);
    CHECK(evse_store_is_proven(&w.store, 1, "m33-1024", 3)); // [SAF-15]
    CHECK_EQ(w.store.proof[1].agree_permille, 21);
    CHECK_EQ(w.store.proof[1].timeout_ms, 3100);
    CHECK(!evse_store_is_proven(&w.store, 0, "m33-1024", 3));
    CHECK(!evse_store_is_proven(&w.store, 1, "m33-1024", 2));
    CHECK(!evse_store_is_proven(&w.store, 1, "m33-div10", 3));
    CHECK(!evse_store_is_proven(&w.store, 9, "m33-1024", 3));
    CHECK_EQ(evse_store_set_latch(&w.store, false, 0), HF_OK);
    CHECK_EQ(evse_store_set_inoperative(&w.store, 0, false), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK(!w.store.estop_latched);
    CHECK(!w.store.inoperative[0]);
}

static void store_settings_have_limits(void)
{
    set_up();
    char key[EVSE_KEY_BYTES + 1], value[EVSE_VALUE_BYTES + 1];
    memset(key, 'k', sizeof key);
    memset(value, 'v', sizeof value);
    key[EVSE_KEY_BYTES] = value[EVSE_VALUE_BYTES] = '\0';
    CHECK_EQ(evse_store_set(&w.store, key, "x"), HF_E_TOO_LONG);
    CHECK_EQ(evse_store_set(&w.store, "x", value), HF_E_TOO_LONG);
    CHECK_EQ(evse_store_set(&w.store, "", "x"), HF_E_ARGUMENT);
    value[EVSE_VALUE_BYTES - 1] = '\0';
    key[EVSE_KEY_BYTES - 1] = '\0';
    unsigned count = 0;
    int status = HF_OK;
    while (count < 1000) {
        key[0] = (char)('A' + count / 16u);
        key[1] = (char)('A' + count % 16u);
        status = evse_store_set(&w.store, key, value);
        if (status != HF_OK) {
            break;
        }
        count++;
    }
    CHECK_EQ(status, HF_E_FULL);
    CHECK(count >= 2);
    value[0] = 'w';
    key[0] = key[1] = 'A';
    CHECK_EQ(evse_store_set(&w.store, key, value), HF_OK); // a known one can still change
    CHECK_EQ(world_settle(&w), HF_OK);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(w.store.setting_count, count);
    CHECK_STR(evse_store_get(&w.store, key), value);
}

static void store_clock_is_told_once_and_for_ever(void)
{
    set_up();
    REQUIRE(begin(0, 0, 5000) == HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    evse_moment_t at = world_peek(&w, 0).at;
    CHECK_EQ(evse_store_utc_ms(&w.store, at), 0);
    w.ram.sync_polls = 3;
    CHECK_EQ(evse_store_set_clock(&w.store, 1000000), HF_OK);
    CHECK_EQ(evse_store_utc_ms(&w.store, at), 0); // its record is not durable yet
    CHECK(evse_store_next(&w.store) == NULL);
    CHECK_EQ(world_settle(&w), HF_OK);
    CHECK_EQ(evse_store_utc_ms(&w.store, at), 1005000);
    CHECK(evse_store_next(&w.store) != NULL);
    CHECK_EQ(evse_store_set_clock(&w.store, 1000500), HF_OK); // the clock was corrected
    CHECK_EQ(evse_store_utc_ms(&w.store, at), 1005000);
    CHECK_EQ(end(0, 0, 6000), HF_OK);
    CHECK_EQ(world_last(&w).at.utc_ms, 1006500);
    CHECK_EQ(world_settle(&w), HF_OK);
    for (int i = 0; i < 3; i++) {
        REQUIRE(world_power_cycle(&w) == HF_OK);
        CHECK_EQ(evse_store_utc_ms(&w.store, at), 1005000);
        CHECK_EQ(evse_store_utc_ms(&w.store, world_last(&w).at), 1006500);
        CHECK_EQ(evse_store_set_clock(&w.store, 5000000), HF_OK); // nothing waits for it
        CHECK_EQ(evse_store_utc_ms(&w.store, at), 1005000);
    }
}

static void store_boot_without_clock_goes_by_the_next(void)
{
    set_up();
    REQUIRE(begin(0, 0, 700) == HF_OK);
    CHECK_EQ(end(0, 0, 800), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    REQUIRE(world_power_cycle(&w) == HF_OK); // boot 2: no clock either
    REQUIRE(world_power_cycle(&w) == HF_OK); // boot 3
    CHECK_EQ(evse_store_utc_ms(&w.store, world_peek(&w, 0).at), 0);
    CHECK_EQ(evse_store_set_clock(&w.store, 9000000), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    CHECK_EQ(evse_store_utc_ms(&w.store, world_peek(&w, 0).at), 9000700);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(evse_store_set_clock(&w.store, 10000000), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    CHECK_EQ(evse_store_utc_ms(&w.store, world_peek(&w, 0).at), 9000700);
}

static void store_boot_offsets_never_run_out_of_truth(void)
{
    memset(&w, 0, sizeof w);
    w.segment_bytes = WORLD_BYTES_MAX;
    CHECK_EQ(world_init(&w, 2, 4, false), HF_OK);
    REQUIRE(world_boot(&w) == HF_OK);
    uint64_t told[CONFIG_EVSE_BOOT_OFFSETS_MAX + 4u];
    for (unsigned boot = 0; boot < HF_COUNT_OF(told);
         boot++) { // each with a session before its clock
        REQUIRE(begin(0, 0, 100) == HF_OK);
        CHECK_EQ(end(0, 0, 200), HF_OK);
        int status = evse_store_set_clock(&w.store, 1000000ull * (boot + 1u));
        CHECK_EQ(status, boot < CONFIG_EVSE_BOOT_OFFSETS_MAX ? HF_OK : HF_E_FULL);
        CHECK_EQ(world_settle(&w), HF_OK);
        told[boot] = evse_store_utc_ms(&w.store, world_last(&w).at);
        REQUIRE(world_power_cycle(&w) == HF_OK);
    }
    for (unsigned boot = 0; boot < HF_COUNT_OF(told); boot++) {
        for (int i = 0; i < 2; i++) { // delivered, the clock told again until it can be recorded
            int status = evse_store_set_clock(&w.store, 99000000);
            CHECK(status == HF_OK || status == HF_E_FULL);
            const evse_message_t *message = offered();
            REQUIRE(message != NULL);
            uint64_t utc_ms = evse_store_utc_ms(&w.store, message->at);
            CHECK(utc_ms != 0);
            if (told[boot] != 0) {
                CHECK_EQ(utc_ms, told[boot] - (i == 0 ? 100u : 0u));
            }
            CHECK_EQ(evse_store_confirm(&w.store, 1), HF_OK);
            CHECK_EQ(world_settle(&w), HF_OK);
        }
    }
}

static void store_failed_journal_finishes_and_starts_none(void)
{
    set_up();
    CHECK_EQ(begin(0, 0, 1), HF_OK);
    CHECK_EQ(evse_store_set_clock(&w.store, 1000000), HF_OK);
    CHECK_EQ(world_settle(&w), HF_OK);
    w.ram.fail_program_at = w.ram.programs + 1u;
    CHECK(evse_store_set(&w.store, "a", "b") < 0);
    CHECK(evse_store_get(&w.store, "a") == NULL);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(evse_store_poll(&w.store, 0), HF_E_IO);
    }
    CHECK(!evse_store_has_room(&w.store));
    CHECK(!evse_store_is_durable(&w.store));
    CHECK_EQ(begin(1, 0, 1), HF_E_IO);
    CHECK_EQ(end(0, 7 * WH, 5), HF_OK);
    CHECK(w.store.open[0] == NULL);
    REQUIRE(evse_store_next(&w.store) != NULL); // the START is durable
    CHECK_EQ(evse_store_confirm(&w.store, 3), HF_E_IO);
    CHECK_EQ(world_queue_length(&w), 1);
    CHECK(evse_store_next(&w.store) == NULL); // its STOP is not, and never will be
    hf_flash_ram_power_on(&w.ram);
    REQUIRE(world_boot(&w) == HF_OK);
    CHECK_EQ(w.store.recovered, 1);
    deliver(EVSE_MESSAGE_START, 3); // once more, and exactly one STOP
    deliver(EVSE_MESSAGE_STOP, 0);
    CHECK(offered() == NULL);
}

static void store_damaged_and_later_records_are_refused(void)
{
    static const struct {
        uint8_t type, version;
        uint8_t data[14];
        uint32_t length;
        int status;
    } cases[] = {
        {1, 2, {0}, 0, HF_E_UNSUPPORTED}, // boot of a later version
        {1, 1, {0}, 3, HF_E_CORRUPT},     // too short
        {8, 1, {7}, 13, HF_E_CORRUPT},    // confirms what is not there
        {12, 1, {200, 1}, 2, HF_E_UNSUPPORTED},
        {2, 1, {99}, 1, HF_E_CORRUPT}, // no such reason
        {13, 1, {1}, 9, HF_E_CORRUPT}, // too long
        {7, 1, {1}, 14, HF_E_CORRUPT},
        {14, 1, {0, 1, 9, 0, 1, 0, 0, 0, 1, 'x'}, 10, HF_OK},
        {14, 1, {7, 1, 9, 0, 1, 0, 0, 0, 1, 'x'}, 10, HF_E_UNSUPPORTED}, // no such connector
        {14, 1, {0, 1, 9, 0, 1, 0, 0, 0, 2, 'x'}, 10, HF_E_CORRUPT},     // shorter than it says
        {200, 1, {1}, 14, HF_OK}, // unknown types are kept, not judged
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        set_up();
        CHECK_EQ(hf_journal_append(&w.store.journal, cases[i].type, cases[i].version, cases[i].data,
                                   cases[i].length),
                 HF_OK);
        CHECK_EQ(world_boot(&w), cases[i].status);
    }
}

HF_TEST_MAIN(HF_TEST(store_blank_flash_begins_at_boot_one), HF_TEST(store_nonce_of_the_flash_wins),
             HF_TEST(store_bad_connector_count_is_refused),
             HF_TEST(store_id_text_is_nonce_boot_sequence),
             HF_TEST(store_ids_never_repeat_over_boots), HF_TEST(store_session_goes_out_in_order),
             HF_TEST(store_second_begin_and_end_are_refused),
             HF_TEST(store_confirmed_head_is_held_until_durable),
             HF_TEST(store_resend_after_reboot_is_identical),
             HF_TEST(store_unjournalled_reading_is_gone_after_reboot),
             HF_TEST(store_open_transaction_ends_at_boot),
             HF_TEST(store_recovery_never_goes_below_what_was_told),
             HF_TEST(store_orderly_shutdown_gives_its_reason),
             HF_TEST(store_lost_start_confirmation_keeps_minus_one),
             HF_TEST(store_stop_always_has_room),
             HF_TEST(store_full_journal_keeps_open_sessions_whole),
             HF_TEST(store_register_is_checkpointed_by_time_and_energy),
             HF_TEST(store_values_survive_reboots_and_compactions),
             HF_TEST(store_settings_have_limits), HF_TEST(store_clock_is_told_once_and_for_ever),
             HF_TEST(store_boot_without_clock_goes_by_the_next),
             HF_TEST(store_boot_offsets_never_run_out_of_truth),
             HF_TEST(store_failed_journal_finishes_and_starts_none),
             HF_TEST(store_damaged_and_later_records_are_refused))

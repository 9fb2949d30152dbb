// SPDX-License-Identifier: MIT
// The link dies at each CALL of a session, before the central system takes it or after (its answer lost); the power goes
// at each of them. Whatever happens, removing duplicates by id leaves one Start, one Stop and every reading, and a
// duplicate is the same to the last byte. A failure prints the CALL it happened at.
#include "support/ocpp_station.h"

typedef struct bill {
    unsigned starts, stops, readings;
    bool conflict, order_broken;
} bill_t;

static bool is_first(const station_t *s, unsigned index)
{
    for (unsigned i = 0; i < index; i++) {
        if (strcmp(s->calls[i].id, s->calls[index].id) == 0) {
            return false;
        }
    }
    return true;
}

static bill_t read_bill(const station_t *s)
{
    bill_t bill = {0};
    for (unsigned i = 0; i < s->call_count; i++) {
        const station_call_t *call = &s->calls[i];
        for (unsigned j = 0; j < i; j++) {
            bill.conflict |= strcmp(s->calls[j].id, call->id) == 0 &&
                             strcmp(s->calls[j].payload, call->payload) != 0;
        }
        if (!is_first(s, i)) {
            continue;
        }
        bill.starts += strcmp(call->action, "StartTransaction") == 0;
        bill.stops += strcmp(call->action, "StopTransaction") == 0;
        bill.readings += strcmp(call->action, "MeterValues") == 0;
        bill.order_broken |=
            strcmp(call->action, "MeterValues") == 0 && (bill.starts != 1 || bill.stops != 0);
    }
    return bill;
}

/// One session of 20 s with readings every 5 s, whatever the link does; then time for everything to be delivered.
static void play(station_t *s)
{
    s->link.up = true;
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "5"), 0);
    station_run(s, 1000);
    s->control[0].plugged = true;
    station_run(s, 500);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 21000);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 500);
    s->control[0].plugged = false;
    station_run(s, 200000);
}

static unsigned calls_of_a_good_session(void)
{
    station_t *s = station_new(1);
    play(s);
    bill_t bill = read_bill(s);
    CHECK_EQ(bill.starts, 1);
    CHECK_EQ(bill.stops, 1);
    CHECK_EQ(bill.readings, 4);
    return s->call_count;
}

static void check_bill(const station_t *s, unsigned at, const char *what)
{
    bill_t bill = read_bill(s);
    if (bill.starts != 1 || bill.stops != 1 || bill.readings != 4 || bill.conflict ||
        bill.order_broken || evse_store_waiting(&s->store) > 0) {
        HF_TEST_FAIL("link lost %s call %u: %u starts, %u stops, %u readings, conflict %d, order "
                     "%d, queue %s",
                     what, at, bill.starts, bill.stops, bill.readings, bill.conflict,
                     bill.order_broken, evse_store_waiting(&s->store) == 0 ? "empty" : "not empty");
    }
}

static void link_lost_before_each_call_loses_nothing(void)
{
    unsigned count = calls_of_a_good_session();
    CHECK(count >= 10);
    for (unsigned at = 1; at <= count; at++) {
        station_t *s = station_new(1);
        s->csms.drop_before = (int)at;
        play(s);
        check_bill(s, at, "before");
    }
}

static void link_lost_after_each_call_loses_nothing(void)
{
    unsigned count = calls_of_a_good_session();
    for (unsigned at = 1; at <= count; at++) {
        station_t *s = station_new(1);
        s->csms.drop_after = (int)at;
        play(s);
        check_bill(s, at, "after");
    }
}

static void power_lost_at_each_call_bills_once(void)
{
    unsigned count = calls_of_a_good_session();
    for (unsigned at = 1; at <= count; at++) {
        station_t *s = station_new(1);
        s->link.up = true;
        CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "5"), 0);
        bool presented = false;
        bool ended = false;
        for (unsigned step = 0; step < 1500 && s->call_count < at; step++) {
            station_run(s, 20);
            s->control[0].plugged = step > 50;
            if (step > 75 && !presented) {
                presented = evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us) == 0;
            }
            if (step > 1150 && !ended) {
                ended = evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us) == 0;
            }
        }
        hf_flash_ram_power_off(&s->ram);
        hf_flash_ram_power_on(&s->ram);
        s->control[0].plugged = false;
        CHECK_EQ(station_boot(s), 0);
        station_run(s, 120000);
        bill_t bill = read_bill(s);
        if (bill.starts > 1 || bill.starts != bill.stops || bill.conflict ||
            evse_store_waiting(&s->store) > 0 || s->store.open[0] != NULL) {
            HF_TEST_FAIL("power lost at call %u: %u starts, %u stops, conflict %d", at, bill.starts,
                         bill.stops, bill.conflict);
        }
    }
}

HF_TEST_MAIN(HF_TEST(link_lost_before_each_call_loses_nothing),
             HF_TEST(link_lost_after_each_call_loses_nothing),
             HF_TEST(power_lost_at_each_call_bills_once))

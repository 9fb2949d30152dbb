// SPDX-License-Identifier: MIT
// StopTransaction's transactionData: StopTxn data, signed values; the same on every sending, and never too long.
#include "support/ocpp_station.h"

#include "support/fake_meter.h"

#define MCU_SEND_BYTES 4096u // configs/mcu: CONFIG_EVSE_OCPP_SEND_BYTES

static fake_meter_t fake;
static const evse_meter_t signing = {.ops = &fake_signing_ops, .ctx = &fake, .age_ms = 1000};

static size_t link_capacity; // of what the station writes into; the rest is the fixture's
static char stops[8][MCU_SEND_BYTES * 4u];
static size_t stop_length[8];
static unsigned stop_count;
static bool lose_stops; // with the link they came on

static char *bounded_room(void *ctx, size_t *capacity)
{
    char *room = station_link_ops.room(ctx, capacity);
    *capacity = link_capacity < *capacity ? link_capacity : *capacity;
    return room;
}

// Keeps each StopTransaction whole; the fixture's record, which is shorter, gets its head alone.
static int bounded_send(void *ctx, size_t length)
{
    station_t *s = ctx;
    char *room = s->link.room;
    CHECK(length < link_capacity);
    char *data = strstr(room, ",\"transactionData\"");
    if (strstr(room, "\"StopTransaction\"") != NULL && stop_count < HF_COUNT_OF(stops)) {
        memcpy(stops[stop_count], room, length);
        stop_length[stop_count] = length;
        stops[stop_count++][length] = '\0';
        if (lose_stops) {
            station_drop(s);
            s->link.up = false;
            return HF_OK;
        }
        if (data != NULL) {
            station_record('>', room, length); // the referee sees it whole
            length = (size_t)(data - room) + 2u;
            memcpy(data, "}]", 3);
        }
    }
    return station_link_ops.send(ctx, length);
}

static evse_link_ops_t bounded_ops;

static station_t *bounded(size_t capacity, bool signs)
{
    station_t *s = station_new(1);
    bounded_ops = station_link_ops;
    bounded_ops.room = bounded_room;
    bounded_ops.send = bounded_send;
    link_capacity = capacity;
    stop_count = 0;
    lose_stops = false;
    fake = (fake_meter_t){0};
    s->config.link.ops = &bounded_ops;
    s->config.meter[0] = signs ? &signing : NULL;
    CHECK_EQ(station_boot(s), 0);
    s->link.up = true;
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
    s->call_count = 0;
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "HeartbeatInterval", "86400"), 0);
    return s;
}

static void set(station_t *s, const char *key, const char *value)
{
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, key, value), 0);
}

static void session(station_t *s, uint64_t ms)
{
    station_start(s);
    for (; ms > 60000; ms -= 60000) {
        station_run(s, 60000);
        s->call_count = 0;
    }
    station_run(s, ms);
    s->control[0].plugged = false;
    station_run(s, 1000);
}

// transactionData of the n-th StopTransaction that went out.
static hf_json_t data_of(unsigned n)
{
    hf_json_t frame = {0};
    CHECK(n < stop_count);
    CHECK_EQ(hf_json_parse(stops[n], stop_length[n], &frame), 0);
    return hf_json_member(hf_json_element(frame, 3), "transactionData");
}

static hf_json_t sample_of(hf_json_t data, unsigned set_index, unsigned index)
{
    return hf_json_element(hf_json_member(hf_json_element(data, set_index), "sampledValue"), index);
}

static bool is(hf_json_t sample, const char *name, const char *text)
{
    return hf_json_is_string(hf_json_member(sample, name), text);
}

static unsigned count_context(hf_json_t data, const char *context)
{
    unsigned count = 0;
    for (unsigned i = 0; i < hf_json_count(data); i++) {
        count += is(sample_of(data, i, 0), "context", context) ? 1u : 0u;
    }
    return count;
}

static long long Wh_of(hf_json_t sample)
{
    char text[24];
    int64_t value = -1;
    CHECK(is(sample, "measurand", "Energy.Active.Import.Register"));
    CHECK_EQ(hf_json_string(hf_json_member(sample, "value"), text, sizeof text), 0);
    CHECK_EQ(hf_slice_to_i64((hf_slice_t){text, strlen(text)}, &value), 0);
    return (long long)value;
}

// ---- StopTxn data -------------------------------------------------------------------------------

static void rule_21_stop_data_has_begin_samples_and_end(void)
{
    station_t *s = bounded(CONFIG_EVSE_OCPP_SEND_BYTES, false);
    s->control[0].register_mJ = 5000 * 3600000ull;
    set(s, "MeterValueSampleInterval", "60");
    set(s, "StopTxnSampledData", "Energy.Active.Import.Register,SoC");
    set(s, "ClockAlignedDataInterval", "100");
    set(s, "StopTxnAlignedData", "Voltage");
    session(s, 185000);
    hf_json_t data = data_of(0);
    CHECK_EQ(count_context(data, "Transaction.Begin"), 1);
    CHECK_EQ(count_context(data, "Sample.Periodic"), 3);
    CHECK(count_context(data, "Sample.Clock") >= 1);
    CHECK_EQ(count_context(data, "Transaction.End"), 1);
    unsigned last = (unsigned)hf_json_count(data) - 1u;
    CHECK(is(sample_of(data, 0, 0), "context", "Transaction.Begin"));
    CHECK(is(sample_of(data, last, 0), "context", "Transaction.End"));
    CHECK_EQ(Wh_of(sample_of(data, 0, 0)), 5000);
    CHECK_EQ(Wh_of(sample_of(data, last, 0)), (long long)(s->control[0].register_mJ / 3600000u));
    CHECK_EQ(station_int(station_find(s, "StopTransaction", 0), "meterStop"),
             Wh_of(sample_of(data, last, 0)));
}

static void ocpp_stop_without_keys_has_no_data(void)
{
    station_t *s = bounded(CONFIG_EVSE_OCPP_SEND_BYTES, false);
    session(s, 65000);
    CHECK_EQ(stop_count, 1);
    CHECK_EQ(data_of(0).type, HF_JSON_NONE);
}

static void ocpp_stop_session_without_power_has_begin_and_end(void)
{
    station_t *s = bounded(CONFIG_EVSE_OCPP_SEND_BYTES, false);
    set(s, "StopTxnSampledData", "Energy.Active.Import.Register");
    session(s, 100);
    hf_json_t data = data_of(0);
    CHECK_EQ(hf_json_count(data), 2);
    CHECK_EQ(count_context(data, "Transaction.Begin"), 1);
    CHECK_EQ(count_context(data, "Transaction.End"), 1);
}

static void ocpp_stop_data_fits_the_bound_of_a_microcontroller(void)
{
    station_t *s = bounded(MCU_SEND_BYTES, false);
    set(s, "MeterValuesSampledData", "");
    set(s, "MeterValueSampleInterval", "10");
    set(s, "StopTxnSampledData",
        "Energy.Active.Import.Register,Energy.Active.Import.Interval,Power.Active.Import,"
        "Temperature");
    session(s, 1200000); // 120 samples: a store keeps CONFIG_EVSE_TXDATA_MAX of them
    hf_json_t data = data_of(0);
    CHECK(stop_length[0] <= MCU_SEND_BYTES);
    CHECK_EQ(count_context(data, "Transaction.Begin"), 1);
    CHECK_EQ(count_context(data, "Transaction.End"), 1);
    CHECK(count_context(data, "Sample.Periodic") >= 3);
    CHECK_EQ(s->store.lost, 0);
}

// At whatever bound: it fits, or says nothing; what gives way first is what lies in between.
static void ocpp_stop_data_gives_way_by_rule_at_every_bound(void)
{
    static const size_t bounds[] = {400,  500,  600,  700,  800,  900, 1000,
                                    1200, 1500, 2000, 3000, 5000, 8000};
    unsigned most = 0;
    for (size_t i = 0; i < HF_COUNT_OF(bounds); i++) {
        station_t *s = bounded(CONFIG_EVSE_OCPP_SEND_BYTES, false);
        set(s, "MeterValuesSampledData", "");
        set(s, "MeterValueSampleInterval", "10");
        set(s, "StopTxnSampledData", "Energy.Active.Import.Register,Power.Active.Import");
        station_start(s);
        station_run(s, 205000);
        link_capacity = bounds[i];
        s->control[0].plugged = false;
        station_run(s, 1000);
        CHECK_EQ(stop_count, 1);
        CHECK(stop_length[0] < bounds[i]);
        hf_json_t data = data_of(0);
        unsigned count = (unsigned)hf_json_count(data);
        bool has = data.type == HF_JSON_ARRAY;
        CHECK_EQ(count_context(data, "Transaction.Begin"), has);
        CHECK_EQ(count_context(data, "Transaction.End"), has);
        CHECK(count >= most); // more room, no less told
        most = count;
        CHECK_EQ(s->store.lost, 0);
    }
    CHECK(most >= 20);
}

static void ocpp_stop_data_is_the_same_after_a_restart(void)
{
    station_t *s = bounded(MCU_SEND_BYTES, true);
    set(s, "MeterValueSampleInterval", "10");
    set(s, "StopTxnSampledData", "Energy.Active.Import.Register,SoC,Voltage");
    station_start(s);
    station_run(s, 95000);
    s->call_count = 0;
    lose_stops = true;
    s->control[0].plugged = false;
    station_run(s, 2000);
    CHECK_EQ(stop_count, 1);
    CHECK(strstr(stops[0], "SignedData") != NULL);
    lose_stops = false;
    fake.format = "other"; // whoever asks it again gets something else
    CHECK_EQ(station_boot(s), 0);
    s->link.up = true;
    station_run(s, 90000);
    CHECK_EQ(stop_count, 2);
    CHECK_EQ(stop_length[0], stop_length[1]);
    CHECK_STR(stops[1], stops[0]);
    station_run(s, 1000);
    CHECK_EQ(evse_store_next_key(&s->store, EVSE_OBJECT_SIGNED, 0), -1); // confirmed: dropped
}

static void rule_16_power_cut_leaves_the_register_as_transaction_end(void)
{
    station_t *s = bounded(CONFIG_EVSE_OCPP_SEND_BYTES, false);
    set(s, "MeterValueSampleInterval", "10");
    set(s, "StopTxnSampledData", "Energy.Active.Import.Register,SoC");
    station_start(s);
    station_run(s, 95000);
    s->call_count = 0;
    CHECK_EQ(station_boot(s), 0); // the power went, and came
    s->link.up = true;
    station_run(s, 5000);
    CHECK_EQ(stop_count, 1);
    hf_json_t data = data_of(0);
    CHECK_EQ(count_context(data, "Transaction.Begin"), 1);
    CHECK_EQ(count_context(data, "Sample.Periodic"), 9);
    unsigned last = (unsigned)hf_json_count(data) - 1u;
    CHECK(is(sample_of(data, last, 0), "context", "Transaction.End"));
    CHECK_EQ(Wh_of(sample_of(data, last, 0)),
             station_int(station_find(s, "StopTransaction", 0), "meterStop"));
}

// ---- signed values ------------------------------------------------------------------------------

static const char *signed_text(hf_json_t data, const char *context, char out[1024])
{
    out[0] = '\0';
    for (unsigned i = 0; i < hf_json_count(data); i++) {
        hf_json_walk_t walk = {.container =
                                   hf_json_member(hf_json_element(data, i), "sampledValue")};
        while (hf_json_next(&walk)) {
            if (is(walk.value, "format", "SignedData") && is(walk.value, "context", context)) {
                CHECK_EQ(hf_json_string(hf_json_member(walk.value, "value"), out, 1024), 0);
            }
        }
    }
    return out;
}

static void ocpp_signed_values_of_both_ends_go_with_the_stop(void)
{
    char text[1024], expected[128];
    station_t *s = bounded(MCU_SEND_BYTES, true);
    set(s, "MeterValueSampleInterval", "0");
    fake.delay_ms = 2000;
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"DEMO\",\"connectorId\":1}"),
              STATION_ACCEPTED);
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_STARTING); // no power before it has signed
    CHECK_EQ(fake.last.end, false);
    CHECK_STR(fake.last.id_tag, "DEMO");
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(station_count(s, "MeterValues"),
             1); // told at once: StartTransaction has no place for it
    hf_json_t values =
        hf_json_member(station_payload(station_find(s, "MeterValues", 0)), "meterValue");
    snprintf(expected, sizeof expected,
             "OCMF|{\"FV\":\"1.0\",\"PG\":\"T%u\",\"ID\":\"DEMO\",\"RD\":[{\"TX\":\"B\"}]}|"
             "{\"SD\":\"3045022100\"}",
             (unsigned)fake.last.transaction);
    CHECK_STR(signed_text(values, "Transaction.Begin", text), expected);
    CHECK_EQ(station_int(station_find(s, "MeterValues", 0), "transactionId"), 1001);
    s->control[0].plugged = false;
    station_run(s, 1000);
    CHECK_EQ(stop_count, 0); // it waits for the signed end
    station_run(s, 2000);
    CHECK_EQ(stop_count, 1);
    hf_json_t data = data_of(0);
    CHECK_EQ(hf_json_count(data), 2);
    CHECK_STR(signed_text(data, "Transaction.Begin", text), expected);
    char *end = strstr(expected, "\"TX\":\"B\"");
    end[6] = 'E';
    CHECK_STR(signed_text(data, "Transaction.End", text), expected);
    CHECK_EQ(s->ocpp.metering.unsigned_values, 0);
}

static void ocpp_signed_value_that_does_not_come_holds_up_nothing(void)
{
    char text[1024];
    station_t *s = bounded(MCU_SEND_BYTES, true);
    fake.delay_ms = 1000000;
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"DEMO\",\"connectorId\":1}"),
              STATION_ACCEPTED);
    station_run(s, 9000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_STARTING);
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    s->control[0].plugged = false;
    station_run(s, 9000);
    CHECK_EQ(stop_count, 0);
    station_run(s, 3000);
    CHECK_EQ(stop_count, 1);
    CHECK_STR(signed_text(data_of(0), "Transaction.End", text), "");
    CHECK_EQ(s->ocpp.metering.unsigned_values, 2);
    fake.delay_ms = 0;
    fake.sign_status = HF_E_IO; // it refuses at once: nothing waits
    session(s, 500);
    CHECK_EQ(stop_count, 2);
    CHECK_EQ(s->ocpp.metering.unsigned_values, 4);
}

static void ocpp_signed_value_is_refused_when_it_is_too_long_or_no_text(void)
{
    static char long_text[EVSE_SIGNED_BYTES + 2];
    static const char *const bad[] = {"line\nbreak", "\xC3\xA9", long_text};
    char text[1024];
    memset(long_text, 'x', EVSE_SIGNED_BYTES + 1u);
    for (size_t i = 0; i < HF_COUNT_OF(bad); i++) {
        station_t *s = bounded(MCU_SEND_BYTES, true);
        fake.format = bad[i];
        session(s, 500);
        CHECK_EQ(stop_count, 1);
        CHECK_STR(signed_text(data_of(0), "Transaction.Begin", text), "");
        CHECK_EQ(s->ocpp.metering.unsigned_values, 2);
    }
}

// The longest that can be: two signed values of quotes alone, every list full, every tag as long as it may be.
static void ocpp_longest_stop_fits_the_bound_of_a_microcontroller(void)
{
    static char quotes[EVSE_SIGNED_BYTES / 2u + 1u];
    static char plain[EVSE_SIGNED_BYTES + 1u];
    char text[1024];
    memset(quotes, '"', EVSE_SIGNED_BYTES / 2u);
    memset(plain, 'x', EVSE_SIGNED_BYTES);
    for (unsigned i = 0; i < 4; i++) {
        size_t bound = i < 2 ? MCU_SEND_BYTES : 2u * EVSE_SIGNED_BYTES + 1200u; // as asserted
        station_t *s = bounded(bound, true);
        fake.format = i % 2 == 0 ? quotes : plain;
        s->control[0].register_mJ = UINT64_MAX / 2u;
        set(s, "MeterValuesSampledData", "");
        set(s, "MeterValueSampleInterval", "10");
        set(s, "StopTxnSampledData",
            "Energy.Active.Import.Register,Energy.Active.Import.Interval,Power.Active.Import,"
            "Voltage,SoC");
        session(s, 600000);
        CHECK_EQ(stop_count, 1);
        CHECK(stop_length[0] < bound);
        hf_json_t data = data_of(0);
        CHECK_STR(signed_text(data, "Transaction.Begin", text), fake.format);
        CHECK_STR(signed_text(data, "Transaction.End", text), fake.format);
        CHECK_EQ(s->ocpp.metering.unsigned_values, 0);
        CHECK_EQ(s->store.lost, 0);
    }
}

static void ocpp_signed_begin_survives_a_power_cut(void)
{
    char text[1024];
    station_t *s = bounded(MCU_SEND_BYTES, true);
    set(s, "MeterValueSampleInterval", "0");
    station_start(s);
    station_run(s, 5000);
    s->call_count = 0;
    CHECK_EQ(station_boot(s), 0);
    s->link.up = true;
    station_run(s, 5000);
    CHECK_EQ(stop_count, 1);
    CHECK(signed_text(data_of(0), "Transaction.Begin", text)[0] != '\0');
    CHECK_STR(signed_text(data_of(0), "Transaction.End", text), "");
    station_run(s, 1000);
    CHECK_EQ(station_boot(s), 0);
    CHECK_EQ(evse_store_next_key(&s->store, EVSE_OBJECT_SIGNED, 0), -1);
}

HF_TEST_MAIN(HF_TEST(rule_21_stop_data_has_begin_samples_and_end),
             HF_TEST(ocpp_stop_without_keys_has_no_data),
             HF_TEST(ocpp_stop_session_without_power_has_begin_and_end),
             HF_TEST(ocpp_stop_data_fits_the_bound_of_a_microcontroller),
             HF_TEST(ocpp_stop_data_gives_way_by_rule_at_every_bound),
             HF_TEST(ocpp_stop_data_is_the_same_after_a_restart),
             HF_TEST(rule_16_power_cut_leaves_the_register_as_transaction_end),
             HF_TEST(ocpp_signed_values_of_both_ends_go_with_the_stop),
             HF_TEST(ocpp_signed_value_that_does_not_come_holds_up_nothing),
             HF_TEST(ocpp_signed_value_is_refused_when_it_is_too_long_or_no_text),
             HF_TEST(ocpp_longest_stop_fits_the_bound_of_a_microcontroller),
             HF_TEST(ocpp_signed_begin_survives_a_power_cut))

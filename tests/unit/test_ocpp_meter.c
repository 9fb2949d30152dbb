// SPDX-License-Identifier: MIT
// MeterValues: what is measured, when, in which context, and to which transaction it belongs.
#include "support/ocpp_station.h"

#include "support/fake_meter.h"

static fake_meter_t fake;
static const evse_meter_t fake_seam = {.ops = &fake_meter_ops, .ctx = &fake, .age_ms = 1000};

static void set(station_t *s, const char *key, const char *value)
{
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, key, value), 0);
}

// An online station with a meter of its own, which measures nothing yet.
static station_t *metered(unsigned connectors)
{
    station_t *s = station_online(connectors);
    fake = (fake_meter_t){.location = EVSE_LOCATION_Inlet};
    s->ocpp.config.meter[0] = s->config.meter[0] = &fake_seam;
    return s;
}

static hf_json_t value_of(const station_call_t *call)
{
    return hf_json_element(hf_json_member(station_payload(call), "meterValue"), 0);
}

static hf_json_t samples_of(const station_call_t *call)
{
    return hf_json_member(value_of(call), "sampledValue");
}

static bool sample_is(hf_json_t sample, const char *name, const char *text)
{
    hf_json_t member = hf_json_member(sample, name);
    return text == NULL ? member.type == HF_JSON_NONE : hf_json_is_string(member, text);
}

static unsigned count_contexts(const station_t *s, const char *context)
{
    unsigned count = 0;
    for (unsigned i = 0; i < s->call_count; i++) {
        bool meter = strcmp(s->calls[i].action, "MeterValues") == 0;
        count +=
            meter && sample_is(hf_json_element(samples_of(&s->calls[i]), 0), "context", context);
    }
    return count;
}

// ---- rule 21 ------------------------------------------------------------------------------------

static void rule_21_reading_carries_the_transaction_that_ran_when_it_was_taken(void)
{
    station_t *s = station_online(1);
    set(s, "MeterValueSampleInterval", "5");
    set(s, "AllowOfflineTxForUnknownId", "true");
    s->link.up = false;
    station_run(s, 100);
    for (unsigned session = 0; session < 2;
         session++) { // two transactions, told when both are over
        s->control[0].plugged = true;
        station_run(s, 100);
        CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "DEMO", s->now_us), 0);
        station_run(s, 11500);
        s->control[0].plugged = false;
        station_run(s, 1000);
    }
    s->link.up = true;
    station_run(s, 90000);
    CHECK_EQ(station_count(s, "StopTransaction"), 2);
    CHECK_EQ(station_count(s, "MeterValues"), 4);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(station_int(station_find(s, "MeterValues", i), "transactionId"), 1001 + i / 2);
    }
}

// The line was busy from before the transaction: what is taken by then is the transaction's.
static void rule_21_reading_due_before_a_transaction_and_taken_in_it_carries_it(void)
{
    station_t *s = station_online(1);
    station_start(s);
    s->call_count = 0;
    s->ocpp.metering.due = 1u;
    station_run(s, 200);
    s->ocpp.metering.due = s->ocpp.metering.is_trigger = 1u;
    station_run(s, 200);
    CHECK_EQ(station_count(s, "MeterValues"), 2);
    CHECK_EQ(count_contexts(s, "Sample.Clock"), 1);
    CHECK_EQ(count_contexts(s, "Trigger"), 1);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(station_int(station_find(s, "MeterValues", i), "transactionId"), 1001);
    }
}

static void rule_21_connector_0_has_sums_and_no_transaction(void)
{
    station_t *s = station_online(2);
    set(s, "MeterValuesAlignedData", "Energy.Active.Import.Register,Power.Active.Import,SoC");
    set(s, "ClockAlignedDataInterval", "60");
    s->control[0].register_mJ = 5000 * 3600000ull;
    s->control[1].register_mJ = 700 * 3600000ull;
    station_start(s);
    s->call_count = 0;
    station_run(s, 60000);
    CHECK_EQ(count_contexts(s, "Sample.Clock"), 3); // each connector and the station
    const station_call_t *sum = NULL;
    for (unsigned i = 0; i < 3; i++) {
        const station_call_t *call = station_find(s, "MeterValues", i);
        long long connector = station_int(call, "connectorId");
        sum = connector == 0 ? call : sum;
        CHECK_EQ(hf_json_member(station_payload(call), "transactionId").type != HF_JSON_NONE,
                 connector == 1);
    }
    CHECK(sum != NULL);
    CHECK_EQ(hf_json_count(samples_of(sum)), 2); // no state of charge of a station
    hf_json_t energy = hf_json_element(samples_of(sum), 0);
    char text[24];
    int64_t Wh = 0;
    CHECK_EQ(hf_json_string(hf_json_member(energy, "value"), text, sizeof text), 0);
    CHECK_EQ(hf_slice_to_i64((hf_slice_t){text, strlen(text)}, &Wh), 0);
    CHECK(Wh >= 5700 && Wh <= 5700 + 40);
    CHECK(sample_is(hf_json_element(samples_of(sum), 1), "value", "2307"));
}

static void rule_21_connector_0_of_a_single_outlet_has_nothing_to_tell(void)
{
    station_t *s = station_online(1);
    set(s, "ClockAlignedDataInterval", "60");
    CHECK_STR(station_ask(s, "TriggerMessage",
                          "{\"requestedMessage\":\"MeterValues\",\"connectorId\":0}"),
              STATION_REJECTED);
    station_run(s, 61000);
    CHECK_EQ(station_count(s, "MeterValues"), 1);
    s = station_online(2);
    CHECK_STR(station_ask(s, "TriggerMessage",
                          "{\"requestedMessage\":\"MeterValues\",\"connectorId\":0}"),
              STATION_ACCEPTED);
    station_run(s, 100);
    CHECK_EQ(station_count(s, "MeterValues"), 1);
    CHECK_EQ(station_int(station_find(s, "MeterValues", 0), "connectorId"), 0);
    CHECK(sample_is(hf_json_element(samples_of(station_find(s, "MeterValues", 0)), 0), "context",
                    "Trigger"));
}

// The moment falls due in the very round in which something else arms the readings.
static void rule_21_clock_aligned_reading_survives_a_change_of_the_other_interval(void)
{
    station_t *s = station_online(1);
    set(s, "ClockAlignedDataInterval", "60");
    station_run(s, 1000);
    uint64_t moment_ms = s->ocpp.metering.next_clock_ms;
    CHECK(moment_ms != 0);
    while (evse_ocpp_utc_ms(&s->ocpp, s->now_us) + STATION_STEP_US / 1000u < moment_ms) {
        station_run(s, STATION_STEP_US / 1000u);
    }
    CHECK_EQ(count_contexts(s, "Sample.Clock"), 0);
    set(s, "MeterValueSampleInterval", "7");
    station_run(s, 500);
    CHECK_EQ(count_contexts(s, "Sample.Clock"), 1);
}

static void rule_21_clock_aligned_begins_anew_at_midnight(void)
{
    station_t *s = station_online(1);
    set(s, "ClockAlignedDataInterval", "40000"); // 11:06:40 and 22:13:20 of each day, and midnight
    set(s, "HeartbeatInterval", "86400");
    const uint64_t day_ms = 86400000u;
    unsigned seen = 0;
    for (unsigned hour = 0; hour < 72; hour++) {
        s->call_count = 0;
        station_run(s, 3600000);
        for (unsigned i = 0; station_find(s, "MeterValues", i) != NULL; i++, seen++) {
            uint64_t at_ms = STATION_UTC_MS + station_find(s, "MeterValues", i)->at_us / 1000u;
            CHECK(at_ms % day_ms % 40000000u < 500u);
        }
    }
    CHECK_EQ(seen, 9);
}

static void rule_21_stop_data_sets_are_keys_of_their_own(void)
{
    station_t *s = station_online(1);
    set(s, "MeterValueSampleInterval", "10");
    set(s, "MeterValuesSampledData", "Voltage");
    set(s, "StopTxnSampledData", "SoC");
    station_start(s);
    station_run(s, 10500);
    s->control[0].plugged = false;
    station_run(s, 1000);
    hf_json_t sampled = samples_of(station_find(s, "MeterValues", 0));
    CHECK_EQ(hf_json_count(sampled), 1);
    CHECK(sample_is(hf_json_element(sampled, 0), "measurand", "Voltage"));
    hf_json_t data =
        hf_json_member(station_payload(station_find(s, "StopTransaction", 0)), "transactionData");
    static const char *const contexts[] = {"Transaction.Begin", "Sample.Periodic",
                                           "Transaction.End"};
    CHECK_EQ(hf_json_count(data), 3);
    for (unsigned i = 0; i < 3; i++) {
        hf_json_t samples = hf_json_member(hf_json_element(data, i), "sampledValue");
        CHECK_EQ(hf_json_count(samples), 1);
        CHECK(sample_is(hf_json_element(samples, 0), "measurand", "SoC"));
        CHECK(sample_is(hf_json_element(samples, 0), "context", contexts[i]));
    }
}

static void rule_21_celcius_is_spelt_as_ocpp_does(void)
{
    station_t *s = station_online(1);
    set(s, "MeterValuesSampledData", "Temperature");
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"MeterValues\"}"),
              STATION_ACCEPTED);
    station_run(s, 100);
    hf_json_t sample = hf_json_element(samples_of(station_find(s, "MeterValues", 0)), 0);
    CHECK(sample_is(sample, "unit", "Celcius"));
    CHECK(sample_is(sample, "value", "25.3"));
    CHECK(sample_is(sample, "location", "Body"));
}

// ---- values -------------------------------------------------------------------------------------

static hf_json_t triggered(station_t *s)
{
    s->call_count = 0;
    CHECK_STR(station_ask(s, "TriggerMessage",
                          "{\"requestedMessage\":\"MeterValues\",\"connectorId\":1}"),
              STATION_ACCEPTED);
    station_run(s, 100);
    return samples_of(station_find(s, "MeterValues", 0));
}

static void ocpp_meter_phases_are_told_where_the_meter_has_them(void)
{
    station_t *s = metered(1);
    fake_measures(&fake, EVSE_MEASURAND_ENERGY, 0, 0);
    fake_measures(&fake, EVSE_MEASURAND_VOLTAGE, EVSE_PHASE_L1_N, 230100);
    fake_measures(&fake, EVSE_MEASURAND_FREQUENCY, 0, 49980);
    fake_measures(&fake, EVSE_MEASURAND_POWER, 0, 3000); // at the inlet
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValuesSampledData", "Voltage.L2-N"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValuesSampledData", "Voltage.L1"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValuesSampledData", "Power.Factor"), HF_E_RANGE);
    set(s, "MeterValuesSampledData",
        "Energy.Active.Import.Register,Voltage.L1-N,Voltage,Frequency,Power.Active.Import");
    hf_json_t samples = triggered(s);
    static const char *const expected[][6] = {
        // value, measurand, unit, location, phase
        {"0", "Energy.Active.Import.Register", "Wh", "Inlet", NULL},
        {"230.100", "Voltage", "V", "Inlet", "L1-N"},
        {"0.000", "Voltage", "V", NULL, NULL},
        {"49.980", "Frequency", NULL, "Inlet", NULL},
        {"0", "Power.Active.Import", "W", NULL, NULL}, // what goes into the vehicle
    };
    CHECK_EQ(hf_json_count(samples), HF_COUNT_OF(expected));
    for (unsigned i = 0; i < HF_COUNT_OF(expected); i++) {
        hf_json_t sample = hf_json_element(samples, i);
        CHECK(sample_is(sample, "value", expected[i][0]));
        CHECK(sample_is(sample, "measurand", expected[i][1]));
        CHECK(sample_is(sample, "unit", expected[i][2]));
        CHECK(sample_is(sample, "location", expected[i][3]));
        CHECK(sample_is(sample, "phase", expected[i][4]));
    }
}

static void ocpp_meter_phase_of_another_connectors_meter_is_left_out(void)
{
    station_t *s = metered(2);
    fake_measures(&fake, EVSE_MEASURAND_VOLTAGE, EVSE_PHASE_L1_N, 230100);
    set(s, "MeterValuesSampledData", "Voltage.L1-N,SoC");
    CHECK_EQ(hf_json_count(triggered(s)), 2);
    s->call_count = 0;
    CHECK_STR(station_ask(s, "TriggerMessage",
                          "{\"requestedMessage\":\"MeterValues\",\"connectorId\":2}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    hf_json_t samples = samples_of(station_find(s, "MeterValues", 0));
    CHECK_EQ(hf_json_count(samples), 1);
    CHECK(sample_is(hf_json_element(samples, 0), "measurand", "SoC"));
}

static void ocpp_meter_at_the_outlet_is_asked_before_the_charger(void)
{
    station_t *s = metered(1);
    fake.location = EVSE_LOCATION_Outlet;
    fake_measures(&fake, EVSE_MEASURAND_VOLTAGE, 0, 76412);
    set(s, "MeterValuesSampledData", "Voltage,Current.Import");
    hf_json_t samples = triggered(s);
    CHECK(sample_is(hf_json_element(samples, 0), "value", "76.412"));
    CHECK(sample_is(hf_json_element(samples, 0), "location", NULL));
    CHECK(sample_is(hf_json_element(samples, 1), "value", "0.000"));
}

static void ocpp_meter_value_without_a_fresh_reading_is_left_out(void)
{
    station_t *s = metered(1);
    fake_measures(&fake, EVSE_MEASURAND_ENERGY, 0, 0);
    fake_measures(&fake, EVSE_MEASURAND_FREQUENCY, 0, 50000);
    set(s, "MeterValuesSampledData", "Energy.Active.Import.Register,Frequency,SoC");
    CHECK_EQ(hf_json_count(triggered(s)), 3);
    fake.item[0].status = fake.item[1].status = HF_E_TIMEOUT;
    hf_json_t samples = triggered(s);
    CHECK_EQ(hf_json_count(samples), 1);
    CHECK(sample_is(hf_json_element(samples, 0), "measurand", "SoC"));
    set(s, "MeterValuesSampledData", "Frequency"); // nothing at all: nothing is sent
    CHECK_EQ(hf_json_count(triggered(s)), 0);
    CHECK_EQ(station_count(s, "MeterValues"), 0);
    CHECK_EQ(s->ocpp.metering.refused, 0);
}

static void ocpp_meter_value_out_of_bounds_is_left_out_and_counted(void)
{
    station_t *s = metered(1);
    fake_measures(&fake, EVSE_MEASURAND_FREQUENCY, 0, 75000);
    set(s, "MeterValuesSampledData", "Frequency,SoC");
    CHECK_EQ(hf_json_count(triggered(s)), 1);
    CHECK_EQ(s->ocpp.metering.refused, 1);
    fake.item[0].value = 60000;
    CHECK_EQ(hf_json_count(triggered(s)), 2);
    fake.item[0].status = HF_E_RANGE; // the meter's own decoder found it impossible
    CHECK_EQ(hf_json_count(triggered(s)), 1);
    CHECK_EQ(s->ocpp.metering.refused, 2);
}

static void ocpp_meter_view_that_stands_still_has_no_values(void)
{
    station_t *s = station_online(1);
    set(s, "MeterValuesSampledData", "Voltage,Current.Offered");
    CHECK_EQ(hf_json_count(triggered(s)), 2);
    s->call_count = 0;
    s->ocpp.metering.due = s->ocpp.metering.is_trigger = 1u;
    for (unsigned i = 0; i < 10; i++) { // control has stopped ticking
        s->now_us += 1000000u;
        evse_ocpp_poll(&s->ocpp, s->now_us);
        s->ocpp.metering.due |= i == 4 ? 1u : 0u;
    }
    unsigned old = station_count(s, "MeterValues");
    CHECK_EQ(old, 1); // the first, before it was too old
}

static void ocpp_meter_no_load_current_below_zero_is_zero(void)
{
    station_t *s = station_online(1);
    set(s, "MeterValuesSampledData", "Current.Import,Power.Active.Import");
    for (unsigned i = 0; i < 2; i++) {
        evse_snapshot_t snapshot = {.connectors = 1};
        snapshot.connector[0] =
            (evse_connector_view_t){.mV = 76000,
                                    .mA = i == 0 ? -40 : -5000,
                                    .meter_fresh = 1}; // noise; fed back by the battery
        s->call_count = 0;
        s->ocpp.metering.due = s->ocpp.metering.is_trigger = 1u;
        for (unsigned round = 0; round < 20; round++) {
            s->now_us += 20000u;
            snapshot.now_us = s->now_us;
            hf_snapshot_write(&s->mailbox.snapshot, &snapshot);
            evse_ocpp_poll(&s->ocpp, s->now_us);
        }
        const station_call_t *call = station_find(s, "MeterValues", 0);
        CHECK_EQ(call != NULL, i == 0);
        if (call != NULL) {
            CHECK(sample_is(hf_json_element(samples_of(call), 0), "value", "0.000"));
            CHECK(sample_is(hf_json_element(samples_of(call), 1), "value", "0"));
        }
    }
    CHECK_EQ(s->ocpp.metering.refused, 2);
}

static void ocpp_meter_interval_energy_is_that_since_the_last_of_its_kind(void)
{
    station_t *s = station_online(1);
    set(s, "MeterValueSampleInterval", "60");
    set(s, "MeterValuesSampledData", "Energy.Active.Import.Interval,Energy.Active.Import.Register");
    station_start(s);
    station_run(s, 180500);
    int64_t sum = 0, first = 0, last = 0;
    for (unsigned i = 0; i < 3; i++) {
        hf_json_t samples = samples_of(station_find(s, "MeterValues", i));
        char text[24];
        int64_t Wh = 0;
        CHECK_EQ(hf_json_count(samples), 2);
        CHECK_EQ(hf_json_string(hf_json_member(hf_json_element(samples, 0), "value"), text, 24), 0);
        CHECK_EQ(hf_slice_to_i64((hf_slice_t){text, strlen(text)}, &Wh), 0);
        sum += Wh;
        CHECK_EQ(hf_json_string(hf_json_member(hf_json_element(samples, 1), "value"), text, 24), 0);
        CHECK_EQ(hf_slice_to_i64((hf_slice_t){text, strlen(text)}, &last), 0);
        first = i == 0 ? last - Wh : first;
    }
    CHECK_EQ(sum, last - first);
    CHECK(sum > 100);
    CHECK_EQ(hf_json_count(triggered(s)), 1); // a triggered reading has no interval
}

static void ocpp_meter_interruption_is_told_once_per_interval(void)
{
    station_t *s = station_online(1);
    set(s, "MeterValueSampleInterval", "60");
    s->csms.start_status = "Blocked"; // kept without energy: SuspendedEVSE
    set(s, "StopTransactionOnInvalidId", "false");
    station_start(s);
    station_run(s, 1000);
    CHECK_EQ(count_contexts(s, "Interruption.Begin"), 1);
    for (unsigned i = 0; i < 20; i++) {
        s->ocpp.session[0].deauthorized = i % 2 != 0;
        station_run(s, 1000);
    }
    CHECK_EQ(count_contexts(s, "Interruption.Begin"), 1);
    CHECK_EQ(count_contexts(s, "Interruption.End"), 1);
    s->ocpp.session[0].deauthorized = true;
    station_run(s, 41000);
    CHECK_EQ(count_contexts(s, "Interruption.Begin"), 2);
    set(s, "MeterValueSampleInterval", "0");
    s->ocpp.session[0].deauthorized = false;
    station_run(s, 1000);
    CHECK_EQ(count_contexts(s, "Interruption.End"), 2);
    s->ocpp.session[0].deauthorized = true;
    station_run(s, 120000);
    CHECK_EQ(count_contexts(s, "Interruption.Begin"), 2); // 0: no readings while it runs
}

static void ocpp_meter_interval_0_is_off_and_a_change_counts_at_once(void)
{
    station_t *s = station_online(1);
    set(s, "MeterValueSampleInterval", "0");
    station_start(s);
    station_run(s, 120000);
    CHECK_EQ(station_count(s, "MeterValues"), 0);
    set(s, "MeterValueSampleInterval", "5");
    station_run(s, 5100);
    CHECK_EQ(count_contexts(s, "Sample.Periodic"), 1);
    set(s, "MeterValueSampleInterval", "0");
    station_run(s, 60000);
    CHECK_EQ(count_contexts(s, "Sample.Periodic"), 1);
}

static void rule_21_clock_set_forward_makes_no_reading_between_the_marks(void)
{
    station_t *s = station_online(1);
    set(s, "ClockAlignedDataInterval", "60");
    station_run(s, 61000);
    CHECK_EQ(count_contexts(s, "Sample.Clock"), 1);
    s->ocpp.utc_offset_ms += 7215000u; // two hours, and a quarter of the way to the next mark
    station_run(s, 1000);
    CHECK_EQ(count_contexts(s, "Sample.Clock"), 1);
    station_run(s, 60000);
    CHECK_EQ(count_contexts(s, "Sample.Clock"), 2);
}

static void ocpp_meter_clock_set_back_does_not_stop_aligned_readings(void)
{
    station_t *s = station_online(1);
    set(s, "ClockAlignedDataInterval", "60");
    station_run(s, 61000);
    CHECK_EQ(count_contexts(s, "Sample.Clock"), 1);
    s->ocpp.utc_offset_ms -= 3600000u;
    station_run(s, 61000);
    CHECK_EQ(count_contexts(s, "Sample.Clock"), 2);
    s->ocpp.utc_offset_ms += 86400000u;
    station_run(s, 61000);
    CHECK(count_contexts(s, "Sample.Clock") >= 3);
}

HF_TEST_MAIN(HF_TEST(rule_21_reading_carries_the_transaction_that_ran_when_it_was_taken),
             HF_TEST(rule_21_reading_due_before_a_transaction_and_taken_in_it_carries_it),
             HF_TEST(rule_21_connector_0_has_sums_and_no_transaction),
             HF_TEST(rule_21_connector_0_of_a_single_outlet_has_nothing_to_tell),
             HF_TEST(rule_21_clock_aligned_reading_survives_a_change_of_the_other_interval),
             HF_TEST(rule_21_clock_aligned_begins_anew_at_midnight),
             HF_TEST(rule_21_stop_data_sets_are_keys_of_their_own),
             HF_TEST(rule_21_celcius_is_spelt_as_ocpp_does),
             HF_TEST(ocpp_meter_phases_are_told_where_the_meter_has_them),
             HF_TEST(ocpp_meter_phase_of_another_connectors_meter_is_left_out),
             HF_TEST(ocpp_meter_at_the_outlet_is_asked_before_the_charger),
             HF_TEST(ocpp_meter_value_without_a_fresh_reading_is_left_out),
             HF_TEST(ocpp_meter_value_out_of_bounds_is_left_out_and_counted),
             HF_TEST(ocpp_meter_view_that_stands_still_has_no_values),
             HF_TEST(ocpp_meter_no_load_current_below_zero_is_zero),
             HF_TEST(ocpp_meter_interval_energy_is_that_since_the_last_of_its_kind),
             HF_TEST(ocpp_meter_interruption_is_told_once_per_interval),
             HF_TEST(ocpp_meter_interval_0_is_off_and_a_change_counts_at_once),
             HF_TEST(rule_21_clock_set_forward_makes_no_reading_between_the_marks),
             HF_TEST(ocpp_meter_clock_set_back_does_not_stop_aligned_readings))

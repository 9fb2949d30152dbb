// SPDX-License-Identifier: MIT
// Configuration keys with the send buffer of the microcontroller: whatever is asked for and set, one answer lists all keys.
#include "holdfast/hf_config.h"

#undef CONFIG_EVSE_OCPP_SEND_BYTES
#define CONFIG_EVSE_OCPP_SEND_BYTES 4096

#include "src/evse/ocpp/evse_ocpp_config.c" // NOLINT: its own limits

#include "support/ocpp_station.h"

#define ALL_OF_AN_OUTLET EVSE_SAMPLED_DEFAULT ",Energy.Active.Import.Interval,Power.Offered"
#define ROOM             (CONFIG_EVSE_OCPP_SEND_BYTES - 8u) // less the transport's header

static unsigned count_keys(const char *answer)
{
    hf_json_t frame = {0};
    CHECK_EQ(hf_json_parse(answer, strlen(answer), &frame), 0);
    return (unsigned)hf_json_count(hf_json_member(hf_json_element(frame, 2), "configurationKey"));
}

static const char *ask_for_all(station_t *s)
{
    s->link.last_answer[0] = '\0';
    station_say(s, "[2,\"123456789012345678901234567890123456\",\"GetConfiguration\",{}]");
    station_run(s, 40);
    return s->link.last_answer;
}

static unsigned set_all(station_t *s, unsigned turn, unsigned *refused)
{
    static const struct {
        const char *key, *value;
    } longest[] = {
        {"MeterValuesAlignedData", ALL_OF_AN_OUTLET},
        {"StopTxnSampledData", ALL_OF_AN_OUTLET},
        {"StopTxnAlignedData", ALL_OF_AN_OUTLET},
        {"ConnectorPhaseRotation", "0.NotApplicable,1.NotApplicable"},
        {"LocalStartTag", "\"\"\"\"\"\"\\\\\\\\"},
        {"OfflineLimit", "100000W"},
        {"SiteLimit", "100000W"},
        {"MeterValueSampleInterval", "86400"},
        {"MaxEnergyOnInvalidId", "1000000"},
        {"HeartbeatInterval", "604800"},
        {"AllowOfflineTxForUnknownId", "false"},
    };
    unsigned taken = 0;
    for (size_t i = 0; i < HF_COUNT_OF(longest); i++) {
        size_t n = (i + turn) % HF_COUNT_OF(longest);
        int status = evse_ocpp_set_key(&s->ocpp, longest[n].key, longest[n].value);
        CHECK(status == HF_OK || status == HF_E_FULL || status == HF_E_NOT_FOUND);
        taken += status == HF_OK ? 1u : 0u;
        *refused += status == HF_E_FULL ? 1u : 0u;
    }
    return taken;
}

static void config_small_buffer_lists_all_keys_whatever_was_set(void)
{
    unsigned refused = 0;
    for (unsigned turn = 0; turn < 11; turn++) {
        station_t *s = station_online(1);
        CHECK(set_all(s, turn, &refused) >= 5);
        const char *answer = ask_for_all(s);
        CHECK(strlen(answer) <= ROOM);
        CHECK_EQ(count_keys(answer), EVSE_KEY_COUNT);
        CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValuesSampledData", "SoC"),
                 0); // shorter always may
        CHECK_EQ(station_boot(s), 0);
        station_run(s, 1000);
        CHECK_EQ(count_keys(ask_for_all(s)), EVSE_KEY_COUNT);
    }
    CHECK(refused > 0); // else this shows nothing
}

static void config_small_buffer_names_each_key_once(void)
{
    station_t *s = station_online(1);
    char payload[2000] = "{\"key\":[\"MeterValuesSampledData\"";
    for (unsigned i = 1; i < EVSE_KEYS_ASKED; i++) {
        strcat(payload, ",\"metervaluessampleddata\"");
    }
    strcat(payload, "]}");
    const char *answer = station_ask(s, "GetConfiguration", payload);
    CHECK_EQ(count_keys(answer), 1);
}

HF_TEST_MAIN(HF_TEST(config_small_buffer_lists_all_keys_whatever_was_set),
             HF_TEST(config_small_buffer_names_each_key_once))

// SPDX-License-Identifier: MIT
// Configuration keys: what is listed, what may be changed to what, what stays over a reboot.
#include "support/ocpp_station.h"

static const char *change(station_t *s, const char *key, const char *value)
{
    static char status[32];
    char payload[700];
    hf_json_t frame = {0};
    snprintf(payload, sizeof payload, "{\"key\":\"%s\",\"value\":\"%s\"}", key, value);
    const char *answer = station_ask(s, "ChangeConfiguration", payload);
    hf_json_t result = {0};
    if (hf_json_parse(answer, strlen(answer), &frame) == HF_OK) {
        result = hf_json_member(hf_json_element(frame, 2), "status");
    }
    if (hf_json_string(result, status, sizeof status) != HF_OK) {
        snprintf(status, sizeof status, "no status");
    }
    return status;
}

static void check_value(station_t *s, const char *key, const char *value, bool readonly)
{
    char payload[100];
    hf_json_t frame = {0};
    bool is_readonly = false;
    snprintf(payload, sizeof payload, "{\"key\":[\"%s\"]}", key);
    const char *answer = station_ask(s, "GetConfiguration", payload);
    CHECK_EQ(hf_json_parse(answer, strlen(answer), &frame), 0);
    hf_json_t list = hf_json_member(hf_json_element(frame, 2), "configurationKey");
    hf_json_t entry = hf_json_element(list, 0);
    CHECK_EQ(hf_json_count(list), 1);
    CHECK(hf_json_is_string(hf_json_member(entry, "key"), key));
    if (!hf_json_is_string(hf_json_member(entry, "value"), value)) {
        HF_TEST_FAIL("%s: %s, expected %s", key, answer, value);
    }
    CHECK_EQ(hf_json_bool(hf_json_member(entry, "readonly"), &is_readonly), 0);
    CHECK_EQ(is_readonly, readonly);
}

static void config_without_keys_lists_all_in_one_answer(void)
{
    station_t *s = station_online(2);
    hf_json_t frame = {0};
    const char *answer = station_ask(s, "GetConfiguration", "{}");
    REQUIRE(hf_json_parse(answer, strlen(answer), &frame) == HF_OK);
    CHECK_EQ(s->link.answers, 1);
    CHECK(strlen(answer) < 4096); // the message buffer of the small configuration
    hf_json_walk_t walk = {.container =
                               hf_json_member(hf_json_element(frame, 2), "configurationKey")};
    unsigned count = 0;
    char last[EVSE_KEY_BYTES] = "";
    while (hf_json_next(&walk)) {
        char name[EVSE_KEY_BYTES];
        CHECK_EQ(hf_json_string(hf_json_member(walk.value, "key"), name, sizeof name), 0);
        CHECK(strcmp(last, name) < 0);
        CHECK_EQ(hf_json_member(walk.value, "value").type, HF_JSON_STRING);
        strcpy(last, name);
        count++;
    }
    CHECK_EQ(count, 55);
}

static void config_defaults_are_as_documented(void)
{
    station_t *s = station_online(2);
    check_value(s, "AllowOfflineTxForUnknownId", "false", false);
    check_value(s, "AuthorizationCacheEnabled", "true", false);
    check_value(s, "AuthorizeRemoteTxRequests", "false", false);
    check_value(s, "ClockAlignedDataInterval", "0", false);
    check_value(s, "ConnectionTimeOut", "60", false);
    check_value(s, "ConnectorPhaseRotation", "NotApplicable", false);
    check_value(s, "HeartbeatInterval", "300", false);
    check_value(s, "LocalAuthListEnabled", "true", false);
    check_value(s, "LocalAuthListMaxLength", "169", true); // what 8 KB hold
    check_value(s, "SendLocalListMaxLength", "101", true);
    check_value(s, "ReserveConnectorZeroSupported", "true", true);
    check_value(s, "MeterValueSampleInterval", "30", false);
    check_value(s, "MeterValuesSampledData",
                "Energy.Active.Import.Register,Power.Active.Import,Voltage,Current.Import,"
                "Current.Offered,SoC,Temperature",
                false);
    check_value(s, "NumberOfConnectors", "2", true);
    check_value(s, "SupportedFeatureProfiles",
                "Core,RemoteTrigger,SmartCharging,LocalAuthListManagement,Reservation", true);
    check_value(s, "TransactionMessageAttempts", "3", false);
    check_value(s, "TransactionMessageRetryInterval", "60", false);
    check_value(s, "StopTransactionOnInvalidId", "true", false);
}

static void config_unknown_keys_are_named(void)
{
    station_t *s = station_online(1);
    CHECK_STR(station_ask(s, "GetConfiguration",
                          "{\"key\":[\"nothing \\\"here\\\"\",\"resetretries\",\"X\"]}"),
              "[3,\"q1\",{\"configurationKey\":[{\"key\":\"ResetRetries\",\"readonly\":false,"
              "\"value\":\"0\"}],\"unknownKey\":[\"nothing \\\"here\\\"\",\"X\"]}]");
}

static void config_more_keys_than_promised_is_refused(void)
{
    station_t *s = station_online(1);
    char payload[1000] = "{\"key\":[\"A\"";
    for (unsigned i = 0; i < EVSE_KEYS_ASKED; i++) {
        strcat(payload, ",\"A\"");
    }
    strcat(payload, "]}");
    CHECK(strncmp(station_ask(s, "GetConfiguration", payload),
                  "[4,\"q1\",\"OccurenceConstraintViolation\"", 38) == 0);
}

static void config_change_is_judged_by_type_and_range(void)
{
    station_t *s = station_online(2);
    static const struct {
        const char *key, *value, *status;
    } cases[] = {
        {"MeterValueSampleInterval", "5", "Accepted"},
        {"MeterValueSampleInterval", "-1", "Rejected"},
        {"MeterValueSampleInterval", "86401", "Rejected"},
        {"MeterValueSampleInterval", "5.5", "Rejected"},
        {"MeterValueSampleInterval", "", "Rejected"},
        {"MeterValueSampleInterval", "99999999999999999999", "Rejected"},
        {"metervaluesampleinterval", "6", "Accepted"},
        {"AuthorizeRemoteTxRequests", "TRUE", "Accepted"},
        {"AuthorizeRemoteTxRequests", "yes", "Rejected"},
        {"NumberOfConnectors", "1", "Rejected"},
        {"SupportedFeatureProfiles", "Core", "Rejected"},
        {"NoSuchKey", "1", "NotSupported"},
        {"WebSocketPingInterval", "30", "Accepted"},
        {"MeterValuesSampledData", "SoC, Voltage", "Accepted"},
        {"MeterValuesSampledData", "SoC,SoC", "Rejected"},
        {"MeterValuesSampledData", "SoC,", "Rejected"},
        {"MeterValuesSampledData", "Frequency", "Rejected"},
        {"MeterValuesSampledData", "", "Accepted"},
        {"StopTxnSampledData", "SoC", "Accepted"},
        {"StopTxnSampledData", "", "Accepted"},
        {"StopTransactionOnEVSideDisconnect", "false", "Rejected"},
        {"StopTransactionOnEVSideDisconnect", "true", "Accepted"},
        {"UnlockConnectorOnEVSideDisconnect", "true", "Rejected"},
        {"ConnectorPhaseRotation", "0.NotApplicable,1.NotApplicable,2.RST", "Accepted"},
        {"ConnectorPhaseRotation", "3.RST", "Rejected"},
        {"ConnectorPhaseRotation", "1.ABC", "Rejected"},
        {"ConnectorPhaseRotation", "0.RST,1.RST,1.RTS", "Rejected"}, // one connector twice
        {"ConnectorPhaseRotation", "RST,RST", "Rejected"},
        {"HeartbeatInterval", "0", "Rejected"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *status = change(s, cases[i].key, cases[i].value);
        if (strcmp(status, cases[i].status) != 0) {
            HF_TEST_FAIL("%s=%s: %s, expected %s", cases[i].key, cases[i].value, status,
                         cases[i].status);
        }
    }
}

static void config_list_may_name_every_measurand_of_a_plain_outlet(void)
{
    static const char list[] = "Energy.Active.Import.Register,Power.Active.Import,Voltage,"
                               "Current.Import,Current.Offered,SoC,Temperature,"
                               "Energy.Active.Import.Interval,Power.Offered";
    station_t *s = station_online(1);
    CHECK_STR(change(s, "MeterValuesSampledData", list), "Accepted");
    station_run(s, 200);
    CHECK_EQ(station_boot(s), 0);
    CHECK_STR(evse_ocpp_text(&s->ocpp, "MeterValuesSampledData"), list);
    CHECK_EQ(s->ocpp.keys.sampled.count, 9);
}

static void config_change_persists_over_a_reboot(void)
{
    station_t *s = station_online(1);
    CHECK_STR(change(s, "MeterValueSampleInterval", "7"), "Accepted");
    CHECK_STR(change(s, "MeterValuesSampledData", "SoC"), "Accepted");
    CHECK_STR(change(s, "AllowOfflineTxForUnknownId", "true"), "Accepted");
    station_run(s, 100);
    CHECK_EQ(station_boot(s), 0);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "MeterValueSampleInterval"), 7);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "AllowOfflineTxForUnknownId"), 1);
    CHECK_EQ(s->ocpp.keys.sampled.count, 1);
    CHECK_EQ(s->ocpp.keys.sampled.item[0].measurand, EVSE_MEASURAND_SOC);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "TransactionMessageAttempts"), 3);
}

static void config_value_kept_by_another_version_is_ignored_when_impossible(void)
{
    station_t *s = station_new(1);
    CHECK_EQ(evse_store_set(&s->store, "ConnectionTimeOut", "soon"), 0);
    CHECK_EQ(evse_store_set(&s->store, "NumberOfConnectors", "9"), 0);
    CHECK_EQ(evse_ocpp_init(&s->ocpp, &s->config), 0);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "ConnectionTimeOut"), 60);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "NumberOfConnectors"), 1);
}

static void config_set_key_is_the_installers_way(void)
{
    station_t *s = station_new(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "AllowOfflineTxForUnknownId"), 1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "NumberOfConnectors", "2"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "Nothing", "2"), HF_E_NOT_FOUND);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "Nothing"), -1);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "MeterValuesSampledData"), -1);
}

static void rule_01_message_timeout_is_a_key(void) // errata 3.83
{
    station_t *s = station_online(1);
    CHECK_STR(change(s, "MessageTimeout", "4"), "Rejected");
    CHECK_STR(change(s, "MessageTimeout", "10"), "Accepted");
    station_run(s, 100);
    CHECK_EQ(station_boot(s), 0);
    station_run(s, 1000);
    s->csms.silent = true;
    (void)station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}");
    station_run(s, 9000);
    CHECK_EQ(s->ocpp.rpc.timeouts, 0);
    station_run(s, 1200);
    CHECK_EQ(s->ocpp.rpc.timeouts, 1);
}

static void config_storage_failure_changes_nothing(void)
{
    station_t *s = station_online(1);
    s->ram.fail_program_at = s->ram.programs + 1;
    CHECK_STR(change(s, "ConnectionTimeOut", "90"), "Rejected");
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "ConnectionTimeOut"), 60);
}

HF_TEST_MAIN(HF_TEST(config_without_keys_lists_all_in_one_answer),
             HF_TEST(config_defaults_are_as_documented), HF_TEST(config_unknown_keys_are_named),
             HF_TEST(config_more_keys_than_promised_is_refused),
             HF_TEST(config_change_is_judged_by_type_and_range),
             HF_TEST(config_list_may_name_every_measurand_of_a_plain_outlet),
             HF_TEST(config_change_persists_over_a_reboot),
             HF_TEST(config_value_kept_by_another_version_is_ignored_when_impossible),
             HF_TEST(config_set_key_is_the_installers_way),
             HF_TEST(rule_01_message_timeout_is_a_key),
             HF_TEST(config_storage_failure_changes_nothing))

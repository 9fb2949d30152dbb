// SPDX-License-Identifier: MIT
// UpdateFirmware and GetDiagnostics over a seam that the test plays: every status, tries, dates, reboots, the line's order.
#include "support/ocpp_station.h"

#define LATER "2026-11-21T10:42:33Z" // an hour after the station's first moment
#define FIRST "2026-11-21T09:42:30Z" // before it

typedef struct fake { // the seam
    unsigned downloads, uploads, cancels;
    int begin; // what download() and upload() answer
    int end;   // what poll() answers
    bool draining;
    char url[EVSE_TRANSFER_URL_BYTES], name[EVSE_TRANSFER_NAME_BYTES];
    char text[65536];
    size_t length;
    bool all_fed;
    unsigned room; // pieces feed() still takes; UINT32_MAX: all
} fake_t;

static fake_t fake;

static int fake_begin(const char *url, unsigned *count)
{
    if (fake.draining || fake.end == HF_E_AGAIN) {
        fake.draining = false;
        fake.end = fake.end == HF_E_AGAIN ? HF_E_CLOSED : fake.end;
        return HF_E_AGAIN;
    }
    if (fake.begin == HF_OK) {
        (*count)++;
        fake.end = HF_E_AGAIN;
        snprintf(fake.url, sizeof fake.url, "%s", url);
    }
    return fake.begin;
}

static int fake_download(void *ctx, const char *url)
{
    (void)ctx;
    return fake_begin(url, &fake.downloads);
}

static int fake_upload(void *ctx, const char *url, const char *name)
{
    (void)ctx;
    int status = fake_begin(url, &fake.uploads);
    if (status == HF_OK) {
        snprintf(fake.name, sizeof fake.name, "%s", name);
        fake.length = 0;
        fake.all_fed = false;
    }
    return status;
}

static int fake_feed(void *ctx, const char *text, size_t length)
{
    (void)ctx;
    if (fake.room == 0) {
        return HF_E_AGAIN;
    }
    fake.room -= fake.room != UINT32_MAX ? 1 : 0;
    fake.all_fed = length == 0;
    if (fake.length + length >= sizeof fake.text) {
        HF_TEST_FAIL("the diagnostics have no end");
        return HF_E_FULL;
    }
    memcpy(fake.text + fake.length, text, length);
    fake.length += length;
    fake.text[fake.length] = '\0';
    return HF_OK;
}

static int fake_poll(void *ctx, evse_transfer_result_t *result)
{
    (void)ctx;
    *result = (evse_transfer_result_t){.bytes = 1000, .code = 200, .why = "as the test says"};
    return fake.end;
}

static void fake_cancel(void *ctx)
{
    (void)ctx;
    fake.cancels++;
    fake.draining = true;
    fake.end = HF_E_CLOSED;
}

static const evse_transfer_ops_t fake_ops = {.download = fake_download,
                                             .upload = fake_upload,
                                             .feed = fake_feed,
                                             .poll = fake_poll,
                                             .cancel = fake_cancel};

static station_t *new_station(void)
{
    station_t *s = station_new(1);
    fake = (fake_t){.end = HF_OK, .room = UINT32_MAX};
    s->config.transfer = (evse_transfer_t){.ops = &fake_ops, .protocols = "FTP,HTTP"};
    CHECK_EQ(station_boot(s), 0);
    s->link.up = true;
    return s;
}

static station_t *online_station(void)
{
    station_t *s = new_station();
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
    s->call_count = 0;
    return s;
}

static void update(station_t *s, const char *date, const char *more)
{
    char payload[400];
    snprintf(payload, sizeof payload, "{\"location\":\"http://h/f\",\"retrieveDate\":\"%s\"%s}",
             date, more);
    CHECK_STR(station_ask(s, "UpdateFirmware", payload), "[3,\"q1\",{}]");
}

/// The statuses told since the record was cleared, in order: "Downloading Downloaded ".
static const char *told(const station_t *s, const char *action)
{
    static char text[512];
    const station_call_t *call;
    text[0] = '\0';
    for (unsigned i = 0; (call = station_find(s, action, i)) != NULL; i++) {
        char status[40] = "?";
        CHECK_EQ(
            hf_json_string(hf_json_member(station_payload(call), "status"), status, sizeof status),
            0);
        CHECK_EQ(hf_json_count(station_payload(call)), 1);
        strncat(text, status, sizeof text - strlen(text) - 2);
        strcat(text, " ");
    }
    return text;
}

#define FIRMWARE    "FirmwareStatusNotification"
#define DIAGNOSTICS "DiagnosticsStatusNotification"
#define REFUSED_ALL "Downloading Downloaded Installing InstallationFailed "

// ---- firmware -----------------------------------------------------------------------------------

static void firmware_downloaded_is_said_not_to_be_installed(void)
{
    station_t *s = online_station();
    update(s, FIRST, "");
    CHECK_EQ(fake.downloads, 1);
    CHECK_STR(fake.url, "http://h/f");
    station_run(s, 5000);
    CHECK_STR(told(s, FIRMWARE), "Downloading ");
    fake.end = HF_OK;
    station_run(s, 5000);
    CHECK_STR(told(s, FIRMWARE), REFUSED_ALL);
    CHECK_EQ(s->resets, 0);
    CHECK_EQ(s->ocpp.transfers.due_us, UINT64_MAX);
    CHECK_EQ(evse_store_next_key(&s->store, EVSE_OBJECT_UPDATE, 0), -1);
}

static void firmware_that_comes_at_once_is_told_in_full(void)
{
    station_t *s = online_station();
    s->csms.silent_action = "Heartbeat"; // the line is taken when the download begins
    station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}");
    update(s, FIRST, "");
    CHECK_EQ(fake.downloads, 1);
    fake.end = HF_OK;
    station_run(s, 40000);
    CHECK_STR(told(s, FIRMWARE), REFUSED_ALL);
}

static void firmware_failed_download_is_tried_as_often_as_asked(void)
{
    station_t *s = online_station();
    update(s, FIRST, ",\"retries\":2,\"retryInterval\":10");
    for (unsigned i = 1; i <= 3; i++) {
        CHECK_EQ(fake.downloads, i);
        fake.end = HF_E_CLOSED;
        station_run(s, 9000);
        CHECK_EQ(fake.downloads, i);
        CHECK_STR(told(s, FIRMWARE), i < 3 ? "Downloading " : "Downloading DownloadFailed ");
        station_run(s, 1500);
    }
    station_run(s, 60000);
    CHECK_EQ(fake.downloads, 3);
    CHECK_STR(told(s, FIRMWARE), "Downloading DownloadFailed ");
    CHECK_EQ(s->ocpp.transfers.failures, 3);
}

static void firmware_without_retries_is_tried_once(void)
{
    station_t *s = online_station();
    update(s, FIRST, ",\"retries\":0");
    fake.end = HF_E_REFUSED;
    station_run(s, 200000);
    CHECK_EQ(fake.downloads, 1);
    CHECK_STR(told(s, FIRMWARE), "Downloading DownloadFailed ");
}

static void firmware_second_try_that_succeeds_ends_well(void)
{
    station_t *s = online_station();
    update(s, FIRST, ",\"retries\":5,\"retryInterval\":10");
    fake.end = HF_E_TIMEOUT;
    station_run(s, 11000);
    CHECK_EQ(fake.downloads, 2);
    fake.end = HF_OK;
    station_run(s, 3000);
    CHECK_STR(told(s, FIRMWARE), REFUSED_ALL);
}

static void firmware_of_unknown_scheme_fails_without_a_retry(void)
{
    station_t *s = online_station();
    fake.begin = HF_E_UNSUPPORTED;
    update(s, FIRST, ",\"retries\":9,\"retryInterval\":1");
    station_run(s, 30000);
    CHECK_EQ(s->ocpp.transfers.failures, 1);
    CHECK_STR(told(s, FIRMWARE), "DownloadFailed ");
}

static void firmware_waits_for_its_date(void)
{
    station_t *s = online_station();
    update(s, LATER, "");
    station_run(s, 3590u * 1000u);
    CHECK_EQ(fake.downloads, 0);
    CHECK_STR(told(s, FIRMWARE), "");
    station_run(s, 15000);
    CHECK_EQ(fake.downloads, 1);
    CHECK_STR(told(s, FIRMWARE), "Downloading ");
}

static void firmware_with_an_unknown_clock_waits_for_it(void)
{
    station_t *s = new_station();
    s->csms.boot_status = "Pending";
    station_run(s, 1000);
    s->ocpp.utc_offset_ms = 0; // as before anything told the time
    s->ocpp.uplink.clock = (evse_clock_t){0};
    update(s, FIRST, "");
    station_run(s, 20000);
    CHECK_EQ(fake.downloads, 0);
    s->ocpp.utc_offset_ms = STATION_UTC_MS;
    station_run(s, 2000);
    CHECK_EQ(fake.downloads, 1);
}

static void firmware_newer_request_replaces_the_one_that_waits(void)
{
    station_t *s = online_station();
    update(s, LATER, "");
    station_ask(s, "UpdateFirmware",
                "{\"location\":\"http://h/second\",\"retrieveDate\":\"" FIRST "\"}");
    CHECK_EQ(fake.downloads, 1);
    CHECK_STR(fake.url, "http://h/second");
    fake.end = HF_OK;
    station_run(s, 7200u * 1000u);
    CHECK_EQ(fake.downloads, 1);
    CHECK_STR(told(s, FIRMWARE), REFUSED_ALL);
}

static void firmware_newer_request_replaces_the_one_under_way(void)
{
    station_t *s = online_station();
    update(s, FIRST, "");
    station_run(s, 1000);
    station_ask(s, "UpdateFirmware",
                "{\"location\":\"ftp://h/second\",\"retrieveDate\":\"" FIRST "\"}");
    CHECK_EQ(fake.cancels, 1);
    station_run(s, 1000);
    CHECK_EQ(fake.downloads, 2);
    CHECK_STR(fake.url, "ftp://h/second");
    fake.end = HF_OK;
    station_run(s, 3000);
    CHECK_STR(told(s, FIRMWARE), "Downloading " REFUSED_ALL);
}

static void firmware_offline_only_the_newest_status_is_told(void)
{
    station_t *s = online_station();
    update(s, FIRST, "");
    station_run(s, 1000);
    s->call_count = 0;
    s->link.up = false;
    station_run(s, 1000);
    fake.end = HF_OK;
    station_run(s, 10000);
    s->link.up = true;
    station_run(s, 120000);
    CHECK_STR(told(s, FIRMWARE), "InstallationFailed ");
}

static void firmware_status_lost_with_its_link_is_told_again(void)
{
    station_t *s = online_station();
    update(s, FIRST, ",\"retries\":0");
    station_run(s, 1000);
    s->call_count = 0;
    s->csms.silent_action = FIRMWARE;
    fake.end = HF_E_CLOSED;
    station_run(s, 1000);
    CHECK_STR(told(s, FIRMWARE), "DownloadFailed ");
    s->link.up = false;
    station_run(s, 1000);
    s->csms.silent_action = NULL;
    s->link.up = true;
    station_run(s, 120000);
    CHECK_STR(told(s, FIRMWARE), "DownloadFailed DownloadFailed ");
    station_run(s, 120000);
    CHECK_EQ(station_count(s, FIRMWARE), 2);
}

static void firmware_status_never_answered_is_told_three_times_at_its_end(void)
{
    station_t *s = online_station();
    s->csms.silent_action = FIRMWARE;
    update(s, FIRST, ",\"retries\":0");
    fake.end = HF_E_CLOSED;
    station_run(s, 300000);
    CHECK_STR(told(s, FIRMWARE), "Downloading DownloadFailed DownloadFailed DownloadFailed ");
    CHECK_EQ(s->ocpp.transfers.job[0].phase, EVSE_JOB_NONE);
}

static void firmware_end_told_into_a_dead_link_is_told_again(void)
{
    station_t *s = online_station();
    update(s, FIRST, ",\"retries\":0");
    station_run(s, 1000);
    s->call_count = 0;
    s->csms.silent_action = FIRMWARE;
    fake.end = HF_E_CLOSED;
    station_run(s, 40000); // its answer is given up long before the dead link is found
    s->link.up = false;
    station_run(s, 1000);
    s->csms.silent_action = NULL;
    s->link.up = true;
    station_run(s, 120000);
    CHECK_STR(told(s, FIRMWARE), "DownloadFailed DownloadFailed ");
    CHECK_EQ(s->ocpp.transfers.job[0].phase, EVSE_JOB_NONE);
}

static void firmware_session_goes_on_during_a_download(void)
{
    station_t *s = online_station();
    station_start(s);
    update(s, FIRST, "");
    station_run(s, 60000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    fake.end = HF_OK;
    station_run(s, 60000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(station_count(s, "StopTransaction"), 0);
    CHECK_STR(told(s, FIRMWARE), REFUSED_ALL);
}

static void reboot(station_t *s)
{
    fake.end = HF_OK;
    hf_flash_ram_power_off(&s->ram);
    hf_flash_ram_power_on(&s->ram);
    CHECK_EQ(station_boot(s), 0);
    s->call_count = 0;
}

static void firmware_date_survives_a_reboot(void)
{
    station_t *s = online_station();
    update(s, LATER, "");
    reboot(s);
    station_run(s, 3000u * 1000u);
    CHECK_EQ(fake.downloads, 0);
    station_run(s, 700u * 1000u);
    CHECK_EQ(fake.downloads, 1);
    CHECK_STR(fake.url, "http://h/f");
}

static void firmware_cut_off_by_a_reboot_is_tried_again(void)
{
    station_t *s = online_station();
    update(s, FIRST, ",\"retries\":1");
    station_run(s, 1000);
    CHECK_EQ(fake.downloads, 1);
    reboot(s);
    station_run(s, 5000);
    CHECK_EQ(fake.downloads, 2);
    fake.end = HF_OK;
    station_run(s, 5000);
    CHECK_STR(told(s, FIRMWARE), REFUSED_ALL);
}

static void firmware_last_try_cut_off_by_a_reboot_is_a_failure(void)
{
    station_t *s = online_station();
    update(s, FIRST, ",\"retries\":0");
    station_run(s, 1000);
    reboot(s);
    station_run(s, 5000);
    CHECK_EQ(fake.downloads, 1);
    CHECK_STR(told(s, FIRMWARE), "DownloadFailed ");
}

static void firmware_end_not_told_before_a_reboot_is_told_after_it(void)
{
    station_t *s = online_station();
    update(s, FIRST, "");
    station_run(s, 1000);
    s->link.up = false;
    station_run(s, 1000);
    fake.end = HF_OK;
    station_run(s, 1000);
    reboot(s);
    s->link.up = true;
    station_run(s, 60000);
    CHECK_EQ(fake.downloads, 1);
    CHECK_STR(told(s, FIRMWARE), "InstallationFailed ");
    reboot(s);
    station_run(s, 60000);
    CHECK_STR(told(s, FIRMWARE), "");
}

static void firmware_server_that_keeps_failing_is_left_alone(void)
{
    station_t *s = online_station();
    update(s, FIRST, ",\"retries\":20,\"retryInterval\":1");
    for (unsigned i = 0; i < 3000; i++) {
        fake.end = fake.downloads > 0 && fake.end == HF_E_AGAIN ? HF_E_TIMEOUT : fake.end;
        station_run(s, 20);
    }
    CHECK_EQ(fake.downloads, 5); // the breaker's threshold, then its cool-down
    CHECK(s->ocpp.transfers.breaker[EVSE_JOB_FIRMWARE].opened == 1);
    station_run(s, 20000);
    CHECK_EQ(fake.downloads, 6);
}

// ---- requests that are wrong --------------------------------------------------------------------

static void check_error(station_t *s, const char *action, const char *payload, const char *code)
{
    char expected[80];
    int length = snprintf(expected, sizeof expected, "[4,\"q1\",\"%s\",", code);
    const char *answer = station_ask(s, action, payload);
    if (strncmp(answer, expected, (size_t)length) != 0) {
        HF_TEST_FAIL("%s %s: %s, expected %s", action, payload, answer, code);
    }
}

static void transfer_wrong_requests_get_the_specified_code(void)
{
    station_t *s = online_station();
    const char *update = "UpdateFirmware";
    check_error(s, update, "{\"location\":\"http://h/f\"}", "OccurenceConstraintViolation");
    check_error(s, update, "{\"retrieveDate\":\"" FIRST "\"}", "OccurenceConstraintViolation");
    check_error(s, update, "{\"location\":7,\"retrieveDate\":\"" FIRST "\"}",
                "TypeConstraintViolation");
    check_error(s, update, "{\"location\":\"\",\"retrieveDate\":\"" FIRST "\"}",
                "PropertyConstraintViolation");
    check_error(s, update, "{\"location\":\"http://h/f\",\"retrieveDate\":\"today\"}",
                "PropertyConstraintViolation");
    check_error(s, update,
                "{\"location\":\"http://h/f\",\"retrieveDate\":\"" FIRST "\",\"retries\":-1}",
                "PropertyConstraintViolation");
    check_error(s, update,
                "{\"location\":\"http://h/f\",\"retrieveDate\":\"" FIRST
                "\",\"retryInterval\":1.5}",
                "TypeConstraintViolation");
    check_error(s, "GetDiagnostics", "{}", "OccurenceConstraintViolation");
    check_error(s, "GetDiagnostics", "{\"location\":\"http://h/\",\"startTime\":3}",
                "TypeConstraintViolation");
    check_error(s, "GetDiagnostics", "{\"location\":\"http://h/\",\"stopTime\":\"x\"}",
                "PropertyConstraintViolation");
    station_run(s, 1000);
    CHECK_EQ(fake.downloads + fake.uploads, 0);
}

static void transfer_location_that_is_too_long_is_refused(void)
{
    station_t *s = online_station();
    char payload[700], location[EVSE_TRANSFER_URL_BYTES + 1];
    memset(location, 'a', sizeof location);
    memcpy(location, "http://", 7);
    location[EVSE_TRANSFER_URL_BYTES] = '\0';
    snprintf(payload, sizeof payload, "{\"location\":\"%s\",\"retrieveDate\":\"" FIRST "\"}",
             location);
    check_error(s, "UpdateFirmware", payload, "PropertyConstraintViolation");
    location[EVSE_TRANSFER_URL_BYTES - 1] = '\0'; // the longest
    snprintf(payload, sizeof payload, "{\"location\":\"%s\",\"retrieveDate\":\"" FIRST "\"}",
             location);
    CHECK_STR(station_ask(s, "UpdateFirmware", payload), "[3,\"q1\",{}]");
    station_run(s, 1000);
    CHECK_STR(fake.url, location);
}

static void rule_19_without_transfers_both_are_not_supported(void)
{
    station_t *s = station_online(1);
    check_error(s, "UpdateFirmware", "{}", "NotSupported");
    check_error(s, "GetDiagnostics", "{\"location\":\"ftp://h/\"}", "NotSupported");
    const char *answer =
        station_ask(s, "GetConfiguration",
                    "{\"key\":[\"SupportedFeatureProfiles\",\"SupportedFileTransferProtocols\"]}");
    CHECK(strstr(answer, "FirmwareManagement") == NULL);
    CHECK(strstr(answer, "\"SupportedFileTransferProtocols\",\"readonly\":true,\"value\":\"\"") !=
          NULL);
}

static void transfer_profile_and_protocols_are_listed_where_they_work(void)
{
    station_t *s = online_station();
    const char *answer =
        station_ask(s, "GetConfiguration",
                    "{\"key\":[\"SupportedFeatureProfiles\",\"SupportedFileTransferProtocols\"]}");
    CHECK(strstr(answer, ",FirmwareManagement\"") != NULL);
    CHECK(strstr(answer, "\"value\":\"FTP,HTTP\"") != NULL);
}

// ---- triggers -----------------------------------------------------------------------------------

static void rule_22_status_triggers_answer_first_and_send_the_present_one(void)
{
    station_t *s = online_station();
    const char *firmware = "{\"requestedMessage\":\"FirmwareStatusNotification\"}";
    const char *diagnostics = "{\"requestedMessage\":\"DiagnosticsStatusNotification\"}";
    unsigned answers = s->link.answers;
    CHECK_STR(station_ask(s, "TriggerMessage", firmware), STATION_ACCEPTED);
    CHECK_STR(station_ask(s, "TriggerMessage", diagnostics), STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_EQ(s->link.answers, answers + 2);
    CHECK_STR(told(s, FIRMWARE), "Idle ");
    CHECK_STR(told(s, DIAGNOSTICS), "Idle ");
    update(s, FIRST, "");
    station_run(s, 500);
    s->call_count = 0;
    CHECK_STR(station_ask(s, "TriggerMessage", firmware), STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_STR(told(s, FIRMWARE), "Downloading ");
    fake.end = HF_OK;
    station_run(s, 2000);
    CHECK_STR(told(s, FIRMWARE), "Downloading Downloaded Installing InstallationFailed ");
    CHECK_STR(station_ask(s, "TriggerMessage", firmware), STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_EQ(station_count(s, FIRMWARE), 5);
    CHECK(station_has(station_find(s, FIRMWARE, 4), "status", "Idle"));
}

static void rule_22_a_firmware_that_waits_for_its_date_is_idle(void)
{
    station_t *s = online_station();
    update(s, LATER, "");
    CHECK_STR(
        station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"FirmwareStatusNotification\"}"),
        STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_STR(told(s, FIRMWARE), "Idle ");
}

static void rule_08_statuses_wait_for_the_registration(void)
{
    station_t *s = new_station();
    s->csms.boot_status = "Pending";
    s->csms.interval_s = 20;
    station_run(s, 1000);
    s->call_count = 0;
    update(s, FIRST, ",\"retries\":0");
    station_run(s, 1000);
    fake.end = HF_E_CLOSED;
    station_run(s, 10000);
    CHECK_STR(told(s, FIRMWARE), "");
    s->csms.boot_status = "Accepted";
    station_run(s, 30000);
    CHECK_STR(told(s, FIRMWARE), "DownloadFailed ");
}

// ---- diagnostics --------------------------------------------------------------------------------

static void diagnostics_are_made_fed_and_told(void)
{
    station_t *s = online_station();
    CHECK_STR(station_ask(s, "GetDiagnostics", "{\"location\":\"ftp://u:p@h/dir\"}"),
              "[3,\"q1\",{\"fileName\":\"diagnostics-S-1-20261121T094235Z.txt\"}]");
    station_run(s, 2000);
    CHECK_EQ(fake.uploads, 1);
    CHECK_STR(fake.url, "ftp://u:p@h/dir");
    CHECK_STR(fake.name, "diagnostics-S-1-20261121T094235Z.txt");
    CHECK(fake.all_fed);
    CHECK_STR(told(s, DIAGNOSTICS), "Uploading ");
    fake.end = HF_OK;
    station_run(s, 2000);
    CHECK_STR(told(s, DIAGNOSTICS), "Uploading Uploaded ");
    CHECK_STR(told(s, FIRMWARE), "");
    CHECK_EQ(s->ocpp.transfers.due_us, UINT64_MAX);
}

static void diagnostics_tell_what_is_worth_reading(void)
{
    station_t *s = online_station();
    station_start(s);
    station_ask(s, "GetDiagnostics", "{\"location\":\"http://h/\"}");
    station_run(s, 2000);
    CHECK(fake.all_fed);
    static const char *const lines[] = {
        "Holdfast diagnostics, made 2026-11-21T09:42:",
        "station: Holdfast Test, serial S-1, version 0.1.0\n",
        "boot: 2, up ",
        "link: open, registration accepted",
        "journal: good,",
        "pool messages: ",
        "sessions started: 1\nsessions ended: 0\n",
        "[connector 1]\nstate: Charging,",
        "readings: 76.400 V, 30.200 A, 25.3 C, 41.0 % SOC, register ",
        "transaction: 1001, from 0 Wh",
        "fault: 0, ",
        "HeartbeatInterval = 300\n",
        "MeterValuesSampledData = Energy",
    };
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (strstr(fake.text, lines[i]) == NULL) {
            HF_TEST_FAIL("no \"%s\" in:\n%s", lines[i], fake.text);
        }
    }
}

static void diagnostics_of_the_first_boot_tell_of_none_before(void)
{
    station_t *s = online_station();
    CHECK_EQ(s->store.boot, 2);
    s->store.boot = 1;
    station_ask(s, "GetDiagnostics", "{\"location\":\"http://h/\"}");
    station_run(s, 2000);
    CHECK(strstr(fake.text, "s, the first one\n") != NULL);
    CHECK(strstr(fake.text, "the last one ended") == NULL);
}

static void diagnostics_hold_no_secret(void)
{
    station_t *s = online_station();
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LocalStartTag", "SESAME"), 0);
    station_start(s); // with the tag DEMO
    station_ask(s, "GetDiagnostics", "{\"location\":\"ftp://user:hidden@h/\"}");
    station_run(s, 2000);
    CHECK(fake.all_fed);
    CHECK(strstr(fake.text, "LocalStartTag = (not shown)\n") != NULL);
    CHECK(strstr(fake.text, "SESAME") == NULL);
    CHECK(strstr(fake.text, "DEMO") == NULL);
    CHECK(strstr(fake.text, "hidden") == NULL);
}

// The platform adds lines of the log to the file.
static void log_lines_show_only_the_end_of_a_tag(void)
{
    static uint32_t storage[HF_RING_BYTES(sizeof(hf_log_line_t), 256u) / 4u];
    static const char *const secrets[] = {"SESAME-BUTTON", "RESERVED-0815", "CARD-4711-BLUE"};
    const hf_log_config_t config = {.storage = storage, .capacity = 256u, .level = HF_LOG_DEBUG};
    hf_log_t log;
    hf_log_line_t line;
    unsigned lines = 0, ends = 0;
    station_t *s = online_station();
    CHECK_EQ(hf_log_init(&log, &config), 0);
    s->config.log = &log;
    CHECK_EQ(station_boot(s), 0);
    station_run(s, 1000);
    station_ask(s, "ChangeConfiguration",
                "{\"key\":\"LocalStartTag\",\"value\":\"SESAME-BUTTON\"}");
    station_ask(s, "ReserveNow",
                "{\"connectorId\":1,\"expiryDate\":\"2026-11-21T10:42:33Z\","
                "\"idTag\":\"RESERVED-0815\",\"reservationId\":1}");
    station_ask(s, "CancelReservation", "{\"reservationId\":1}");
    s->control[0].plugged = true;
    station_run(s, 1000);
    CHECK_EQ(evse_ocpp_present_card(&s->ocpp, "CARD-4711-BLUE", s->now_us), 0);
    s->csms.start_status = "Blocked";
    station_run(s, 3000);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    while (hf_log_take(&log, &line) == HF_OK) {
        lines++;
        ends += strstr(line.text, "..BLUE") != NULL;
        for (unsigned i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
            CHECK(strstr(line.text, secrets[i]) == NULL);
        }
    }
    s->config.log = NULL;
    if (HF_LOG_IS_ON(&log)) {
        CHECK(lines > 10);
        CHECK(ends >= 3); // card, session, transaction
    }
}

static void diagnostics_wait_for_a_slow_taker(void)
{
    station_t *s = online_station();
    station_ask(s, "GetDiagnostics", "{\"location\":\"http://h/\"}");
    station_run(s, 1000);
    char whole[sizeof fake.text];
    unsigned lines = 0;
    memcpy(whole, fake.text, sizeof whole);
    for (const char *c = whole; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    fake.end = HF_OK;
    station_run(s, 1000);
    fake.room = 0;
    station_ask(s, "GetDiagnostics", "{\"location\":\"http://h/\"}");
    for (unsigned i = 0; i < lines + 20 && !fake.all_fed; i++) {
        fake.room = 1;
        station_run(s, 20);
    }
    CHECK(fake.all_fed);
    for (const char *c = fake.text; *c != '\0'; c++) {
        lines -= *c == '\n';
    }
    CHECK_EQ(lines, 0); // as many as before: none twice, none missing
}

static void diagnostics_nothing_to_send_has_no_file_name(void)
{
    station_t *s = online_station();
    CHECK_STR(station_ask(s, "GetDiagnostics",
                          "{\"location\":\"http://h/\",\"startTime\":\"" LATER "\"}"),
              "[3,\"q1\",{}]");
    CHECK_STR(station_ask(s, "GetDiagnostics",
                          "{\"location\":\"http://h/\",\"startTime\":\"" FIRST
                          "\",\"stopTime\":\"2026-11-21T09:00:00Z\"}"),
              "[3,\"q1\",{}]");
    station_run(s, 5000);
    CHECK_EQ(fake.uploads, 0);
    CHECK_STR(told(s, DIAGNOSTICS), "");
}

static void diagnostics_failed_upload_is_tried_and_told(void)
{
    station_t *s = online_station();
    station_ask(s, "GetDiagnostics",
                "{\"location\":\"http://h/\",\"retries\":1,\"retryInterval\":5}");
    station_run(s, 1000);
    fake.end = HF_E_REFUSED;
    station_run(s, 7000);
    CHECK_EQ(fake.uploads, 2);
    CHECK(fake.all_fed); // made anew
    fake.end = HF_E_REFUSED;
    station_run(s, 7000);
    CHECK_EQ(fake.uploads, 2);
    CHECK_STR(told(s, DIAGNOSTICS), "Uploading UploadFailed ");
}

static void diagnostics_survive_a_reboot_under_the_name_given(void)
{
    station_t *s = online_station();
    station_ask(s, "GetDiagnostics", "{\"location\":\"http://h/\"}");
    station_run(s, 1000);
    reboot(s);
    station_run(s, 3000);
    CHECK_EQ(fake.uploads, 2);
    CHECK_STR(fake.name, "diagnostics-S-1-20261121T094235Z.txt");
    fake.end = HF_OK;
    station_run(s, 2000);
    CHECK_STR(told(s, DIAGNOSTICS), "Uploading Uploaded ");
}

static void diagnostics_and_firmware_take_turns(void)
{
    station_t *s = online_station();
    update(s, FIRST, "");
    station_ask(s, "GetDiagnostics", "{\"location\":\"http://h/\"}");
    station_run(s, 5000);
    CHECK_EQ(fake.downloads, 1);
    CHECK_EQ(fake.uploads, 0);
    fake.end = HF_OK;
    station_run(s, 1000);
    CHECK_EQ(fake.uploads, 1);
    fake.end = HF_OK;
    station_run(s, 3000);
    CHECK_STR(told(s, FIRMWARE), REFUSED_ALL);
    CHECK_STR(told(s, DIAGNOSTICS), "Uploading Uploaded ");
}

static const evse_diagnostics_window_t *seen_window;

static int platform_line(void *ctx, uint32_t index, const evse_diagnostics_window_t *window,
                         hf_builder_t *out)
{
    static evse_diagnostics_window_t copy;
    static bool asked_again;
    (void)ctx;
    copy = *window;
    seen_window = &copy;
    if (index == 1 && !asked_again) {
        asked_again = true;
        return HF_E_AGAIN;
    }
    if (index == 2) {
        return HF_E_EMPTY;
    }
    hf_builder_format(out, "platform %u", (unsigned)index);
    return index < 4 ? HF_OK : HF_E_NOT_FOUND;
}

static void diagnostics_platform_adds_its_lines_within_the_window(void)
{
    station_t *s = new_station();
    s->config.diagnostics = (evse_diagnostics_source_t){.line = platform_line};
    CHECK_EQ(station_boot(s), 0);
    station_run(s, 3000);
    station_ask(s, "GetDiagnostics",
                "{\"location\":\"http://h/\",\"startTime\":\"2026-11-21T09:42:34.5Z\","
                "\"stopTime\":\"2026-11-21T09:43:33Z\"}");
    station_run(s, 2000);
    CHECK(fake.all_fed);
    CHECK(strstr(fake.text, "platform 0\nplatform 1\nplatform 3\n") != NULL);
    CHECK(strstr(fake.text, "platform 4") == NULL);
    CHECK_EQ(seen_window->utc_offset_ms, s->ocpp.utc_offset_ms);
    CHECK_EQ(seen_window->from_us, (STATION_UTC_MS + 1500 - s->ocpp.utc_offset_ms) * 1000);
    CHECK_EQ(seen_window->to_us, (STATION_UTC_MS + 60000 - s->ocpp.utc_offset_ms) * 1000);
}

static void transfer_nothing_to_do_costs_no_work(void)
{
    station_t *s = online_station();
    CHECK_EQ(s->ocpp.transfers.due_us, UINT64_MAX);
    CHECK_EQ(s->ocpp.transfers.to_tell, 0);
}

HF_TEST_MAIN(
    HF_TEST(firmware_downloaded_is_said_not_to_be_installed),
    HF_TEST(firmware_that_comes_at_once_is_told_in_full),
    HF_TEST(firmware_failed_download_is_tried_as_often_as_asked),
    HF_TEST(firmware_without_retries_is_tried_once),
    HF_TEST(firmware_second_try_that_succeeds_ends_well),
    HF_TEST(firmware_of_unknown_scheme_fails_without_a_retry), HF_TEST(firmware_waits_for_its_date),
    HF_TEST(firmware_with_an_unknown_clock_waits_for_it),
    HF_TEST(firmware_newer_request_replaces_the_one_that_waits),
    HF_TEST(firmware_newer_request_replaces_the_one_under_way),
    HF_TEST(firmware_offline_only_the_newest_status_is_told),
    HF_TEST(firmware_status_lost_with_its_link_is_told_again),
    HF_TEST(firmware_status_never_answered_is_told_three_times_at_its_end),
    HF_TEST(firmware_end_told_into_a_dead_link_is_told_again),
    HF_TEST(firmware_session_goes_on_during_a_download), HF_TEST(firmware_date_survives_a_reboot),
    HF_TEST(firmware_cut_off_by_a_reboot_is_tried_again),
    HF_TEST(firmware_last_try_cut_off_by_a_reboot_is_a_failure),
    HF_TEST(firmware_end_not_told_before_a_reboot_is_told_after_it),
    HF_TEST(firmware_server_that_keeps_failing_is_left_alone),
    HF_TEST(transfer_wrong_requests_get_the_specified_code),
    HF_TEST(transfer_location_that_is_too_long_is_refused),
    HF_TEST(rule_19_without_transfers_both_are_not_supported),
    HF_TEST(transfer_profile_and_protocols_are_listed_where_they_work),
    HF_TEST(rule_22_status_triggers_answer_first_and_send_the_present_one),
    HF_TEST(rule_22_a_firmware_that_waits_for_its_date_is_idle),
    HF_TEST(rule_08_statuses_wait_for_the_registration), HF_TEST(diagnostics_are_made_fed_and_told),
    HF_TEST(diagnostics_tell_what_is_worth_reading),
    HF_TEST(diagnostics_of_the_first_boot_tell_of_none_before), HF_TEST(diagnostics_hold_no_secret),
    HF_TEST(log_lines_show_only_the_end_of_a_tag), HF_TEST(diagnostics_wait_for_a_slow_taker),
    HF_TEST(diagnostics_nothing_to_send_has_no_file_name),
    HF_TEST(diagnostics_failed_upload_is_tried_and_told),
    HF_TEST(diagnostics_survive_a_reboot_under_the_name_given),
    HF_TEST(diagnostics_and_firmware_take_turns),
    HF_TEST(diagnostics_platform_adds_its_lines_within_the_window),
    HF_TEST(transfer_nothing_to_do_costs_no_work))

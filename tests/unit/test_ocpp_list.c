// SPDX-License-Identifier: MIT
// SendLocalList and GetLocalListVersion as a central system sees them: versions, statuses, codes, what a power cut or a slow
// disk leaves, and lists longer than a message.
#include "support/ocpp_station.h"

#define NOT_SUPPORTED     "[3,\"q1\",{\"status\":\"NotSupported\"}]"
#define FAILED            "[3,\"q1\",{\"status\":\"Failed\"}]"
#define VERSION_MISMATCH  "[3,\"q1\",{\"status\":\"VersionMismatch\"}]"
#define ENTRY(id, status) "{\"idTag\":\"" id "\",\"idTagInfo\":{\"status\":\"" status "\"}}"
#define DELETE(id)        "{\"idTag\":\"" id "\"}"

static const char *send_list(station_t *s, int version, const char *type, const char *entries)
{
    static char payload[2000];
    snprintf(payload, sizeof payload,
             "{\"listVersion\":%d,\"localAuthorizationList\":[%s],\"updateType\":\"%s\"}", version,
             entries, type);
    return station_ask(s, "SendLocalList", payload);
}

static int version(station_t *s)
{
    int number = -99;
    (void)!sscanf(station_ask(s, "GetLocalListVersion", "{}"), "[3,\"q1\",{\"listVersion\":%d}]",
                  &number);
    return number;
}

static const char *known(station_t *s, const char *id)
{
    evse_tag_info_t info;
    int status = evse_tags_find(&s->ocpp.auth.list, id, &info);
    return status == HF_OK ? evse_tag_status_text(info.status) : "";
}

static void check_code(station_t *s, const char *payload, const char *code)
{
    char expected[80];
    int length = snprintf(expected, sizeof expected, "[4,\"q1\",\"%s\",", code);
    const char *answer = station_ask(s, "SendLocalList", payload);
    if (strncmp(answer, expected, (size_t)length) != 0) {
        HF_TEST_FAIL("%s: %s, expected %s", payload, answer, code);
    }
}

static void list_full_then_differential_is_accepted_and_kept(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(version(s), 0);
    CHECK_STR(send_list(s, 3, "Full", ENTRY("B", "Accepted") "," ENTRY("A", "Blocked")),
              STATION_ACCEPTED);
    CHECK_EQ(version(s), 3);
    CHECK_STR(
        send_list(s, 5, "Differential",
                  DELETE("A") "," ENTRY("C", "Expired") "," ENTRY("b", "Invalid") "," DELETE("X")),
        STATION_ACCEPTED);
    CHECK_EQ(version(s), 5);
    CHECK_EQ(station_boot(s), 0);
    CHECK_EQ(s->ocpp.auth.list.version, 5);
    CHECK_EQ(s->ocpp.auth.list.count, 2);
    CHECK_STR(known(s, "A"), "");
    CHECK_STR(known(s, "B"), "Invalid");
    CHECK_STR(known(s, "c"), "Expired");
}

static void list_full_without_entries_empties_it_and_is_version_0(void)
{
    station_t *s = station_online(1);
    CHECK_STR(send_list(s, 7, "Full", ENTRY("A", "Accepted")), STATION_ACCEPTED);
    CHECK_STR(station_ask(s, "SendLocalList", "{\"listVersion\":1,\"updateType\":\"Full\"}"),
              STATION_ACCEPTED);
    CHECK_EQ(version(s), 0);
    CHECK_EQ(s->ocpp.auth.list.count, 0);
    CHECK_STR(send_list(s, 1, "Differential", ENTRY("A", "Accepted")), STATION_ACCEPTED);
    CHECK_EQ(version(s), 1);
}

static void rule_18_versions_0_and_below_are_never_taken(void)
{
    station_t *s = station_online(1);
    static const int versions[] = {0, -1, -2147483647};
    for (unsigned i = 0; i < HF_COUNT_OF(versions); i++) {
        CHECK_STR(send_list(s, versions[i], "Full", ENTRY("A", "Accepted")), FAILED);
        CHECK_STR(send_list(s, versions[i], "Differential", ENTRY("A", "Accepted")), FAILED);
    }
    CHECK_EQ(version(s), 0);
    CHECK_EQ(s->tags_ram.erases, 0);
}

static void list_differential_that_is_not_newer_is_a_mismatch(void)
{
    station_t *s = station_online(1);
    CHECK_STR(send_list(s, 5, "Full", ENTRY("A", "Accepted")), STATION_ACCEPTED);
    CHECK_STR(send_list(s, 5, "Differential", ENTRY("B", "Accepted")), VERSION_MISMATCH);
    CHECK_STR(send_list(s, 4, "Differential", ENTRY("B", "Accepted")), VERSION_MISMATCH);
    CHECK_STR(known(s, "B"), "");
    CHECK_EQ(version(s), 5);
    CHECK_STR(send_list(s, 2, "Full", ENTRY("B", "Accepted")), STATION_ACCEPTED); // a full one may
    CHECK_EQ(version(s), 2);
}

static void list_that_is_disabled_is_not_supported_and_minus_1(void)
{
    station_t *s = station_online(1);
    CHECK_STR(send_list(s, 5, "Full", ENTRY("A", "Accepted")), STATION_ACCEPTED);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LocalAuthListEnabled", "false"), 0);
    CHECK_EQ(version(s), -1);
    CHECK_STR(send_list(s, 6, "Full", ENTRY("B", "Accepted")), NOT_SUPPORTED);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LocalAuthListEnabled", "true"), 0);
    CHECK_EQ(version(s), 5); // it was kept
    CHECK_STR(known(s, "A"), "Accepted");
}

static void list_without_flash_cannot_be_enabled(void)
{
    station_t *s = station_new(1);
    s->config.list.flash = NULL;
    s->config.cache.flash = NULL;
    CHECK_EQ(station_boot(s), 0);
    s->link.up = true;
    station_run(s, 1000);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "LocalAuthListEnabled"), 0);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "LocalAuthListMaxLength"), 0);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "AuthorizationCacheEnabled"), 0);
    CHECK_STR(station_ask(s, "ChangeConfiguration",
                          "{\"key\":\"LocalAuthListEnabled\",\"value\":\"true\"}"),
              STATION_REJECTED);
    CHECK_STR(station_ask(s, "ChangeConfiguration",
                          "{\"key\":\"AuthorizationCacheEnabled\",\"value\":\"true\"}"),
              STATION_REJECTED);
    CHECK_STR(station_ask(s, "ChangeConfiguration",
                          "{\"key\":\"AuthorizationCacheEnabled\",\"value\":\"false\"}"),
              STATION_ACCEPTED);
    CHECK_EQ(version(s), -1);
    CHECK_STR(send_list(s, 6, "Full", ENTRY("B", "Accepted")), NOT_SUPPORTED);
    CHECK_STR(station_ask(s, "ClearCache", "{}"), STATION_REJECTED);
}

static void list_with_one_tag_twice_fails_whole(void)
{
    station_t *s = station_online(1);
    CHECK_STR(send_list(s, 1, "Full", ENTRY("A", "Accepted")), STATION_ACCEPTED);
    uint32_t erases = s->tags_ram.erases;
    CHECK_STR(send_list(s, 2, "Full", ENTRY("B", "Accepted") "," ENTRY("b", "Blocked")), FAILED);
    CHECK_STR(send_list(s, 2, "Differential", ENTRY("C", "Accepted") "," DELETE("c")), FAILED);
    CHECK_EQ(version(s), 1);
    CHECK_STR(known(s, "A"), "Accepted");
    CHECK_STR(known(s, "B"), "");
    CHECK_EQ(s->tags_ram.erases, erases); // judged before the flash is touched
}

static void list_that_is_wrong_gets_the_specified_code_and_changes_nothing(void)
{
    station_t *s = station_online(1);
    static const char *const occurrence[] = {
        "{\"updateType\":\"Full\"}",
        "{\"listVersion\":1}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[{\"idTag\":\"A\"}]"
        "}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[{\"idTagInfo\":{"
        "\"status\":"
        "\"Accepted\"}}]}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[{\"idTag\":\"A\","
        "\"idTagInfo\":"
        "{}}]}",
    };
    static const char *const property[] = {
        "{\"listVersion\":1,\"updateType\":\"Half\"}",
        "{\"listVersion\":99999999999,\"updateType\":\"Full\"}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[" ENTRY(
            "123456789012345678901", "Accepted") "]}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[" ENTRY(
            "", "Accepted") "]}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[" ENTRY(
            "A", "Fine") "]}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[{\"idTag\":\"A\","
        "\"idTagInfo\":"
        "{\"status\":\"Accepted\",\"parentIdTag\":\"123456789012345678901\"}}]}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[{\"idTag\":\"A\","
        "\"idTagInfo\":"
        "{\"status\":\"Accepted\",\"expiryDate\":\"tomorrow\"}}]}",
    };
    static const char *const type[] = {
        "{\"listVersion\":\"1\",\"updateType\":\"Full\"}",
        "{\"listVersion\":1.5,\"updateType\":\"Full\"}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":{}}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[7]}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[{\"idTag\":7}]}",
        "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[{\"idTag\":\"A\","
        "\"idTagInfo\":"
        "\"Accepted\"}]}",
        "{\"listVersion\":1,\"updateType\":\"Differential\",\"localAuthorizationList\":[{\"idTag\":"
        "\"A\","
        "\"idTagInfo\":null}]}",
    };
    for (unsigned i = 0; i < HF_COUNT_OF(occurrence); i++) {
        check_code(s, occurrence[i], "OccurenceConstraintViolation");
    }
    for (unsigned i = 0; i < HF_COUNT_OF(property); i++) {
        check_code(s, property[i], "PropertyConstraintViolation");
    }
    for (unsigned i = 0; i < HF_COUNT_OF(type); i++) {
        check_code(s, type[i], "TypeConstraintViolation");
    }
    CHECK_EQ(s->tags_ram.erases, 0);
}

static void list_is_accepted_only_when_it_is_durable(void)
{
    station_t *s = station_online(1);
    s->tags_ram.sync_polls = 10;
    CHECK_STR(send_list(s, 3, "Full", ENTRY("A", "Accepted")), "");
    CHECK_EQ(s->ocpp.auth.list.version, 0);
    station_run(s, 300);
    CHECK_STR(s->link.last_answer, STATION_ACCEPTED);
    CHECK_EQ(version(s), 3);
}

static void list_whose_sync_fails_is_failed_and_the_old_one_stays(void)
{
    station_t *s = station_online(1);
    CHECK_STR(send_list(s, 3, "Full", ENTRY("A", "Accepted")), STATION_ACCEPTED);
    s->tags_ram.sync_polls = 3;
    s->tags_ram.fail_sync_at = s->tags_ram.syncs + 1;
    CHECK_STR(send_list(s, 4, "Full", ENTRY("B", "Accepted")), "");
    station_run(s, 300);
    CHECK_STR(s->link.last_answer, FAILED);
    CHECK_EQ(version(s), 3);
    CHECK_STR(send_list(s, 5, "Full", ENTRY("B", "Accepted")), FAILED);
}

static void list_write_that_fails_is_failed_and_may_be_sent_again(void)
{
    station_t *s = station_online(1);
    s->tags_ram.fail_program_at = s->tags_ram.programs + 1;
    CHECK_STR(send_list(s, 3, "Full", ENTRY("A", "Accepted")), FAILED);
    s->tags_ram.fail_program_at = 0;
    CHECK_STR(send_list(s, 3, "Full", ENTRY("A", "Accepted")), STATION_ACCEPTED);
}

static void list_answer_is_not_given_over_another_connection(void)
{
    station_t *s = station_online(1);
    s->tags_ram.sync_polls = 50;
    CHECK_STR(send_list(s, 3, "Full", ENTRY("A", "Accepted")), "");
    s->link.up = false;
    station_run(s, 100);
    s->link.up = true;
    station_run(s, 5000);
    CHECK_STR(s->link.last_answer, "");
    CHECK_EQ(version(s), 3); // it was taken, and that can be asked
}

// Durable before, with, and after the loss of the link.
static void list_answer_that_falls_with_the_link_is_not_given_later(void)
{
    for (uint32_t polls = 1; polls <= 8; polls++) {
        station_t *s = station_online(1);
        s->tags_ram.sync_polls = polls;
        (void)send_list(s, 3, "Full", ENTRY("A", "Accepted"));
        char before[STATION_TEXT];
        strcpy(before, s->link.last_answer);
        s->link.up = false;
        station_run(s, 200);
        s->link.up = true;
        station_run(s, 5000);
        CHECK_STR(s->link.last_answer, before);
        CHECK_EQ(s->ocpp.auth.list.version, 3);
    }
}

static void list_answer_waits_for_room_on_the_link(void)
{
    station_t *s = station_online(1);
    s->tags_ram.sync_polls = 3;
    CHECK_STR(send_list(s, 3, "Full", ENTRY("A", "Accepted")), "");
    s->link.busy = true;
    station_run(s, 500);
    CHECK_STR(s->link.last_answer, "");
    s->link.busy = false;
    station_run(s, 100);
    CHECK_STR(s->link.last_answer, STATION_ACCEPTED);
}

static void list_and_an_unlock_do_not_owe_answers_at_a_time(void)
{
    station_t *s = station_online(1);
    s->tags_ram.sync_polls = 10;
    CHECK_STR(send_list(s, 3, "Full", ENTRY("A", "Accepted")), "");
    CHECK_STR(station_ask(s, "UnlockConnector", "{\"connectorId\":1}"),
              "[3,\"q1\",{\"status\":\"UnlockFailed\"}]");
    station_run(s, 300);
    CHECK_STR(s->link.last_answer, STATION_ACCEPTED);
    s->control[0].lock_stuck = true;
    CHECK_STR(station_ask(s, "UnlockConnector", "{\"connectorId\":1}"), "");
    CHECK_STR(send_list(s, 4, "Full", ENTRY("B", "Accepted")), FAILED);
    CHECK_EQ(version(s), 3);
}

static void list_longer_than_a_message_comes_in_several(void)
{
    station_t *s = station_online(1);
    char entries[1800];
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "LocalAuthListMaxLength"), 169);
    for (int message = 0; message < 17; message++) {
        size_t length = 0;
        for (int i = 0; i < 10; i++) {
            length +=
                (size_t)snprintf(entries + length, sizeof entries - length,
                                 "%s{\"idTag\":\"T%03d\",\"idTagInfo\":{\"status\":\"Accepted\"}}",
                                 i > 0 ? "," : "", (message * 10 + i) * 7 % 1000);
        }
        const char *expected = message < 16 ? STATION_ACCEPTED : FAILED; // 170 are one too many
        CHECK_STR(send_list(s, message + 1, message == 0 ? "Full" : "Differential", entries),
                  expected);
    }
    CHECK_EQ(version(s), 16);
    CHECK_EQ(s->ocpp.auth.list.count, 160);
    CHECK_STR(known(s, "t119"), "Accepted");
}

static void list_message_with_too_many_entries_fails(void)
{
    station_t *s = station_online(1);
    static char text[16000];
    size_t length = 0;
    int most = evse_ocpp_number(&s->ocpp, "SendLocalListMaxLength");
    for (int extra = 0; extra <= 1; extra++) {
        length = (size_t)snprintf(
            text, sizeof text,
            "{\"listVersion\":9,\"updateType\":\"Full\",\"localAuthorizationList\":[");
        for (int i = 0; i < most + extra; i++) {
            length +=
                (size_t)snprintf(text + length, sizeof text - length,
                                 "%s{\"idTag\":\"%d\",\"idTagInfo\":{\"status\":\"Accepted\"}}",
                                 i > 0 ? "," : "", i);
        }
        strcpy(text + length, "]}");
        hf_json_t payload;
        char room[100];
        hf_builder_t out;
        hf_json_writer_t json;
        hf_builder_init(&out, room, sizeof room);
        hf_json_writer_init(&json, &out);
        CHECK_EQ(hf_json_parse(text, strlen(text), &payload), 0);
        CHECK_EQ(s->ocpp.rpc.owner.on_call(&s->ocpp, HF_SLICE("SendLocalList"), payload, &json),
                 EVSE_RPC_NO_ERROR);
        CHECK_STR(room, extra == 0 ? "{\"status\":\"Accepted\"}" : "{\"status\":\"Failed\"}");
    }
    CHECK_EQ(s->ocpp.auth.list.count, most);
}

// What a central system writes for an entry at most, and so many of them, fit a message.
static void list_message_of_the_longest_entries_fits_the_receive_buffer(void)
{
    static const char *const entry =
        "{\"idTag\":\"12345678901234567890\",\"idTagInfo\":{\"expiryDate\":\"2026-11-21T09:42:33."
        "123Z\","
        "\"parentIdTag\":\"12345678901234567890\",\"status\":\"ConcurrentTx\"}},";
    static const char *const frame =
        "[2,\"123456789012345678901234567890123456\",\"SendLocalList\",{\"listVersion\":2147483647,"
        "\"localAuthorizationList\":[],\"updateType\":\"Differential\"}]";
    station_t *s = station_online(1);
    size_t most = (size_t)evse_ocpp_number(&s->ocpp, "SendLocalListMaxLength");
    CHECK(most * strlen(entry) + strlen(frame) <= CONFIG_EVSE_OCPP_RECEIVE_BYTES);
    CHECK((most + 10u) * strlen(entry) >
          CONFIG_EVSE_OCPP_RECEIVE_BYTES); // and not much is given away
}

static void list_escapes_in_tags_are_decoded(void)
{
    station_t *s = station_online(1);
    CHECK_STR(send_list(s, 1, "Full",
                        "{\"idTagInfo\":{\"parentIdTag\":\"\\u0047\",\"status\":\"Accepted\","
                        "\"expiryDate\":\"2027-01-01T00:00:00+01:00\"},\"idTag\":\"\\u0041\\/b\"}"),
              STATION_ACCEPTED);
    evse_tag_info_t info;
    CHECK_EQ(evse_tags_find(&s->ocpp.auth.list, "a/B", &info), 0);
    CHECK_STR(info.parent, "G");
    CHECK_EQ(info.expires_utc_ms, 1798758000000ull);
}

HF_TEST_MAIN(HF_TEST(list_full_then_differential_is_accepted_and_kept),
             HF_TEST(list_full_without_entries_empties_it_and_is_version_0),
             HF_TEST(rule_18_versions_0_and_below_are_never_taken),
             HF_TEST(list_differential_that_is_not_newer_is_a_mismatch),
             HF_TEST(list_that_is_disabled_is_not_supported_and_minus_1),
             HF_TEST(list_without_flash_cannot_be_enabled),
             HF_TEST(list_with_one_tag_twice_fails_whole),
             HF_TEST(list_that_is_wrong_gets_the_specified_code_and_changes_nothing),
             HF_TEST(list_is_accepted_only_when_it_is_durable),
             HF_TEST(list_whose_sync_fails_is_failed_and_the_old_one_stays),
             HF_TEST(list_write_that_fails_is_failed_and_may_be_sent_again),
             HF_TEST(list_answer_is_not_given_over_another_connection),
             HF_TEST(list_answer_that_falls_with_the_link_is_not_given_later),
             HF_TEST(list_answer_waits_for_room_on_the_link),
             HF_TEST(list_and_an_unlock_do_not_owe_answers_at_a_time),
             HF_TEST(list_longer_than_a_message_comes_in_several),
             HF_TEST(list_message_with_too_many_entries_fails),
             HF_TEST(list_message_of_the_longest_entries_fits_the_receive_buffer),
             HF_TEST(list_escapes_in_tags_are_decoded))

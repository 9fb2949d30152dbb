// SPDX-License-Identifier: MIT
// Who may charge: online, offline, by list, by cache, by group; what confirmations teach; ClearCache.
#include "support/ocpp_station.h"

#define YESTERDAY "2026-11-20T00:00:00Z"
#define TOMORROW  "2026-11-22T00:00:00Z"

static void set(station_t *s, const char *key, const char *value)
{
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, key, value), 0);
}

/// One entry into the list, by the way a central system has; `more` follows the status.
static void list(station_t *s, const char *id, const char *status, const char *more)
{
    char payload[400];
    int version = (int)s->ocpp.auth.list.version + 1;
    snprintf(payload, sizeof payload,
             "{\"listVersion\":%d,\"updateType\":\"Differential\",\"localAuthorizationList\":[{"
             "\"idTag\":"
             "\"%s\",\"idTagInfo\":{\"status\":\"%s\"%s}}]}",
             version, id, status, more);
    CHECK_STR(station_ask(s, "SendLocalList", payload), STATION_ACCEPTED);
}

static int present(station_t *s, const char *id)
{
    int status = evse_ocpp_present_tag(&s->ocpp, 0, id, s->now_us);
    station_run(s, 400);
    return status;
}

static void go_offline(station_t *s)
{
    s->link.up = false;
    station_run(s, 100);
}

static void go_online(station_t *s)
{
    s->link.up = true;
    station_run(s, 70000);
    CHECK(evse_ocpp_is_online(&s->ocpp));
    s->call_count = 0;
}

static unsigned state(const station_t *s)
{
    return s->ocpp.session[0].state;
}

/// Whatever is there ends.
static void clear(station_t *s)
{
    (void)!evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_Local, s->now_us);
    s->control[0].plugged = false;
    station_run(s, 1000);
    CHECK_EQ(state(s), EVSE_SESSION_IDLE);
}

static const char *cached(station_t *s, const char *id)
{
    evse_tag_info_t info;
    int status = evse_tag_cache_find(&s->ocpp.auth.cache, id, &info);
    return status == HF_OK ? evse_tag_status_text(info.status) : "";
}

static bool is_accepted(station_t *s, const char *id)
{
    int status = present(s, id);
    bool good = status == HF_OK && state(s) == EVSE_SESSION_AUTHORIZED;
    CHECK_EQ(status, good ? HF_OK : HF_E_STATE);
    clear(s);
    return good;
}

// ---- offline ----

static void rule_18_offline_listed_tags_go_by_their_status(void)
{
    station_t *s = station_online(1);
    list(s, "GOOD", "Accepted", "");
    list(s, "BUSY", "ConcurrentTx", "");
    list(s, "BLOCKED", "Blocked", "");
    list(s, "INVALID", "Invalid", "");
    list(s, "EXPIRED", "Expired", "");
    list(s, "OLD", "Accepted", ",\"expiryDate\":\"" YESTERDAY "\"");
    list(s, "NEW", "Accepted", ",\"expiryDate\":\"" TOMORROW "\"");
    go_offline(s);
    for (int unknown = 0; unknown < 2; unknown++) {
        set(s, "AllowOfflineTxForUnknownId", unknown ? "true" : "false");
        CHECK(is_accepted(s, "good"));
        CHECK(is_accepted(s, "BUSY"));
        CHECK(is_accepted(s, "NEW"));
        CHECK(!is_accepted(s, "BLOCKED"));
        CHECK(!is_accepted(s, "INVALID"));
        CHECK(!is_accepted(s, "EXPIRED"));
        CHECK(!is_accepted(s, "OLD"));
        CHECK_EQ(is_accepted(s, "STRANGER"), unknown);
    }
}

static void rule_18_offline_without_local_authorization_known_tags_are_refused(void)
{
    station_t *s = station_online(1);
    list(s, "GOOD", "Accepted", "");
    list(s, "BLOCKED", "Blocked", "");
    set(s, "LocalAuthorizeOffline", "false");
    go_offline(s);
    CHECK(!is_accepted(s, "GOOD"));
    set(s, "AllowOfflineTxForUnknownId", "true"); // never worse off than an unknown one
    CHECK(is_accepted(s, "GOOD"));
    CHECK(!is_accepted(s, "BLOCKED"));
}

static void rule_18_list_goes_before_the_cache(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(present(s, "A"), 0); // Authorize says Accepted: cached
    clear(s);
    CHECK_STR(cached(s, "A"), "Accepted");
    list(s, "A", "Blocked", "");
    go_offline(s);
    CHECK(!is_accepted(s, "A"));
    set(s, "LocalAuthListEnabled", "false");
    CHECK(is_accepted(s, "A"));
    set(s, "AuthorizationCacheEnabled", "false");
    CHECK(!is_accepted(s, "A"));
}

static void auth_with_an_unknown_clock_nothing_has_expired(void)
{
    station_t *s = station_online(1);
    list(s, "OLD", "Accepted", ",\"expiryDate\":\"" YESTERDAY "\"");
    s->link.up = false;
    CHECK_EQ(station_boot(s), 0); // no clock of its own
    station_run(s, 200);
    CHECK_EQ(evse_ocpp_utc_ms(&s->ocpp, s->now_us), 0);
    CHECK(is_accepted(s, "OLD"));
    s->link.up = true;
    station_run(s, 3000);
    go_offline(s);
    CHECK(!is_accepted(s, "OLD"));
}

static void auth_tag_expires_while_the_station_runs(void)
{
    station_t *s = station_online(1);
    list(s, "SOON", "Accepted",
         ",\"expiryDate\":\"2026-11-21T09:43:33Z\""); // a minute after the start
    go_offline(s);
    CHECK(is_accepted(s, "SOON"));
    station_run(s, 60000);
    CHECK(!is_accepted(s, "SOON"));
}

static void auth_card_before_the_first_acceptance_is_decided_at_once(void)
{
    station_t *s = station_online(1);
    list(s, "GOOD", "Accepted", "");
    s->csms.boot_status = "Pending";
    CHECK_EQ(station_boot(s), 0);
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_PENDING);
    s->call_count = 0;
    CHECK(is_accepted(s, "GOOD"));
    CHECK(!is_accepted(s, "STRANGER"));
    CHECK_EQ(station_count(s, "Authorize"), 0);
}

static void auth_unanswered_authorize_falls_back_on_what_is_known(void)
{
    station_t *s = station_online(1);
    list(s, "GOOD", "Accepted", "");
    list(s, "BAD", "Blocked", "");
    s->csms.silent_action = "Authorize";
    set(s, "AllowOfflineTxForUnknownId", "true");
    CHECK_EQ(present(s, "GOOD"), 0);
    CHECK_EQ(state(s), EVSE_SESSION_AUTHORIZING);
    station_run(s, 31000);
    CHECK_EQ(state(s), EVSE_SESSION_AUTHORIZED);
    clear(s);
    CHECK_EQ(present(s, "BAD"), 0);
    station_run(s, 31000);
    CHECK_EQ(state(s), EVSE_SESSION_IDLE);
}

// ---- online ----

static void auth_online_the_central_system_is_asked_also_about_known_tags(void)
{
    station_t *s = station_online(1);
    list(s, "GOOD", "Accepted", "");
    CHECK_EQ(present(s, "GOOD"), 0);
    CHECK_EQ(station_count(s, "Authorize"), 1);
    CHECK_EQ(state(s), EVSE_SESSION_AUTHORIZED);
}

static void auth_local_pre_authorize_starts_known_tags_at_once(void)
{
    station_t *s = station_online(1);
    list(s, "GOOD", "Accepted", "");
    list(s, "BAD", "Blocked", "");
    list(s, "OLD", "Accepted", ",\"expiryDate\":\"" YESTERDAY "\"");
    set(s, "LocalPreAuthorize", "true");
    s->csms.tag_status = "Blocked";
    CHECK(is_accepted(s, "GOOD"));
    CHECK_EQ(station_count(s, "Authorize"), 0);
    static const char *const asked[] = {"BAD", "OLD", "STRANGER"};
    for (unsigned i = 0; i < HF_COUNT_OF(asked); i++) {
        CHECK_EQ(present(s, asked[i]), 0);
        CHECK_EQ(station_count(s, "Authorize"), i + 1u);
        CHECK_EQ(state(s), EVSE_SESSION_IDLE);
    }
    s->csms.tag_status = "Accepted"; // what is known as bad may have become good (3.5.1)
    CHECK(is_accepted(s, "BAD"));
}

static void auth_cached_tag_pre_authorizes_too_until_it_is_cleared(void)
{
    station_t *s = station_online(1);
    set(s, "LocalPreAuthorize", "true");
    CHECK(is_accepted(s, "CARD"));
    CHECK_EQ(station_count(s, "Authorize"), 1);
    CHECK(is_accepted(s, "CARD"));
    CHECK_EQ(station_count(s, "Authorize"), 1);
    CHECK_STR(station_ask(s, "ClearCache", "{}"), STATION_ACCEPTED);
    CHECK(is_accepted(s, "CARD"));
    CHECK_EQ(station_count(s, "Authorize"), 2);
}

// ---- what confirmations teach ----

static void rule_18_cache_learns_from_authorize_start_and_stop(void)
{
    station_t *s = station_online(1);
    s->csms.tag_status = "Blocked";
    CHECK_EQ(present(s, "CARD"), 0);
    CHECK_STR(cached(s, "CARD"), "Blocked");
    s->csms.tag_status = "Accepted";
    s->csms.start_status = "Expired";
    set(s, "StopTransactionOnInvalidId", "false");
    s->control[0].plugged = true;
    CHECK_EQ(present(s, "CARD"), 0);
    station_run(s, 2000);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    CHECK_STR(cached(s, "CARD"), "Expired");
    s->csms.stop_status = "Invalid";
    CHECK_EQ(present(s, "CARD"), 0);
    station_run(s, 2000);
    CHECK_EQ(station_count(s, "StopTransaction"), 1);
    CHECK_STR(cached(s, "CARD"), "Invalid");
    CHECK_EQ(station_boot(s), 0);
    CHECK_STR(cached(s, "CARD"), "Invalid");
}

static void rule_18_tag_in_the_list_never_enters_the_cache(void)
{
    station_t *s = station_online(1);
    list(s, "CARD", "Accepted", "");
    CHECK(is_accepted(s, "CARD"));
    CHECK_STR(cached(s, "CARD"), "");
    set(s, "LocalAuthListEnabled", "false"); // no list to be in
    CHECK(is_accepted(s, "CARD"));
    CHECK_STR(cached(s, "CARD"), "Accepted");
}

static void rule_18_disabled_cache_learns_nothing(void)
{
    station_t *s = station_online(1);
    set(s, "AuthorizationCacheEnabled", "false");
    CHECK(is_accepted(s, "CARD"));
    CHECK_STR(cached(s, "CARD"), "");
    CHECK_EQ(s->tags_ram.programmed_bytes, 0);
}

static void auth_concurrent_transaction_is_not_kept_of_a_tag(void)
{
    station_t *s = station_online(1);
    CHECK(is_accepted(s, "CARD"));
    s->csms.start_status = "ConcurrentTx";
    s->control[0].plugged = true;
    CHECK_EQ(present(s, "CARD"), 0);
    station_run(s, 2000);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    CHECK_STR(cached(s, "CARD"), "Accepted");
}

static void auth_malformed_info_teaches_nothing(void)
{
    station_t *s = station_online(1);
    s->csms.tag_more = ",\"expiryDate\":\"soon\"";
    CHECK(is_accepted(s, "CARD")); // the status decides now
    CHECK_STR(cached(s, "CARD"), "");
    s->csms.tag_more = "";
    s->csms.tag_status = "Fine";
    CHECK_EQ(present(s, "CARD"), 0);
    CHECK_EQ(state(s), EVSE_SESSION_IDLE);
    CHECK_STR(cached(s, "CARD"), "");
}

static void auth_cached_expiry_counts_offline(void)
{
    station_t *s = station_online(1);
    s->csms.tag_more = ",\"expiryDate\":\"2026-11-21T09:43:33Z\"";
    CHECK(is_accepted(s, "CARD"));
    go_offline(s);
    CHECK(is_accepted(s, "CARD"));
    station_run(s, 60000);
    CHECK(!is_accepted(s, "CARD"));
}

static void rule_18_conflict_with_the_list_is_told_on_connector_0(void)
{
    station_t *s = station_online(1);
    list(s, "CARD", "Accepted", "");
    s->csms.tag_status = "Blocked";
    s->call_count = 0;
    CHECK_EQ(present(s, "CARD"), 0);
    const station_call_t *told = station_find(s, "StatusNotification", 0);
    CHECK_EQ(station_int(told, "connectorId"), 0);
    CHECK(station_has(told, "errorCode", "LocalListConflict"));
    CHECK(station_has(told, "status", "Available"));
    station_run(s, 5000);
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
    evse_tag_info_t info;
    CHECK_EQ(evse_tags_find(&s->ocpp.auth.list, "CARD", &info), 0);
    CHECK_EQ(info.status, EVSE_TAG_Accepted); // only SendLocalList changes the list
    s->csms.tag_status = "Accepted";
    s->call_count = 0;
    CHECK(is_accepted(s, "CARD"));
    for (unsigned i = 0; i < station_count(s, "StatusNotification"); i++) {
        CHECK(station_has(station_find(s, "StatusNotification", i), "errorCode", "NoError"));
    }
}

static void rule_18_conflict_found_offline_is_told_after_the_return(void)
{
    station_t *s = station_online(1);
    list(s, "CARD", "Accepted", "");
    go_offline(s);
    s->control[0].plugged = true;
    CHECK_EQ(present(s, "CARD"), 0);
    station_run(s, 2000);
    CHECK_EQ(state(s), EVSE_SESSION_RUNNING);
    s->csms.start_status = "Blocked";
    s->call_count = 0;
    s->link.up = true;
    station_run(s, 70000);
    bool told = false;
    for (unsigned i = 0; i < station_count(s, "StatusNotification"); i++) {
        told = told || station_has(station_find(s, "StatusNotification", i), "errorCode",
                                   "LocalListConflict");
    }
    CHECK(told);
    const station_call_t *stop = station_find(s, "StopTransaction", 0);
    CHECK(station_has(stop, "reason", "DeAuthorized"));
}

// ---- ClearCache ----

static void rule_19_clear_cache_is_accepted_only_with_a_cache(void)
{
    station_t *s = station_online(1);
    CHECK(is_accepted(s, "CARD"));
    set(s, "AuthorizationCacheEnabled", "false");
    CHECK_STR(station_ask(s, "ClearCache", "{}"), STATION_REJECTED);
    CHECK_STR(cached(s, "CARD"), "Accepted");
    set(s, "AuthorizationCacheEnabled", "true");
    CHECK_STR(station_ask(s, "ClearCache", "{}"), STATION_ACCEPTED);
    CHECK_STR(cached(s, "CARD"), "");
    CHECK_STR(station_ask(s, "ClearCache", "{}"), STATION_ACCEPTED); // nothing left is no failure
}

static void rule_19_clear_cache_touches_no_transaction(void)
{
    station_t *s = station_online(1);
    station_start(s);
    go_offline(s);
    s->control[0].register_mJ += 3600000u;
    station_run(s, 1000);
    clear(s);
    s->link.up = true;
    s->csms.silent_action = "StopTransaction";
    station_run(s, 70000);
    CHECK_STR(station_ask(s, "ClearCache", "{}"), STATION_ACCEPTED);
    CHECK_EQ(station_boot(s), 0); // and after a restart
    s->csms.silent_action = NULL;
    s->call_count = 0;
    station_run(s, 70000);
    CHECK_EQ(station_count(s, "StopTransaction"), 1);
}

// ---- rule 17 ----

static void rule_17_remote_start_is_authorized_only_when_it_must(void)
{
    station_t *s = station_online(1);
    s->csms.tag_status = "Blocked";
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"ANY\",\"connectorId\":1}"),
              STATION_ACCEPTED);
    station_run(s, 400);
    CHECK_EQ(station_count(s, "Authorize"), 0);
    CHECK_EQ(state(s), EVSE_SESSION_AUTHORIZED);
    clear(s);
    set(s, "AuthorizeRemoteTxRequests", "true");
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"ANY\",\"connectorId\":1}"),
              STATION_ACCEPTED); // "will try"
    station_run(s, 400);
    CHECK_EQ(station_count(s, "Authorize"), 1);
    CHECK_EQ(state(s), EVSE_SESSION_IDLE);
}

static void rule_17_remote_start_is_authorized_by_list_and_cache_too(void)
{
    station_t *s = station_online(1);
    list(s, "GOOD", "Accepted", "");
    set(s, "AuthorizeRemoteTxRequests", "true");
    set(s, "LocalPreAuthorize", "true");
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"GOOD\",\"connectorId\":1}"),
              STATION_ACCEPTED);
    station_run(s, 400);
    CHECK_EQ(station_count(s, "Authorize"), 0);
    CHECK_EQ(state(s), EVSE_SESSION_AUTHORIZED);
}

// ---- groups ----

static void start_by(station_t *s, const char *id)
{
    s->control[0].plugged = true;
    CHECK_EQ(present(s, id), 0);
    station_run(s, 2000);
    CHECK_EQ(state(s), EVSE_SESSION_RUNNING);
}

static void group_card_that_is_listed_ends_the_session_without_asking(void)
{
    station_t *s = station_online(1);
    list(s, "MAMA", "Accepted", ",\"parentIdTag\":\"FAM\"");
    list(s, "PAPA", "Accepted", ",\"parentIdTag\":\"fam\"");
    list(s, "OTHER", "Accepted", ",\"parentIdTag\":\"WORK\"");
    set(s, "LocalPreAuthorize", "true");
    start_by(s, "MAMA");
    CHECK_EQ(present(s, "OTHER"), HF_E_STATE);
    CHECK_EQ(state(s), EVSE_SESSION_RUNNING);
    CHECK_EQ(present(s, "PAPA"), 0);
    station_run(s, 2000);
    const station_call_t *stop = station_find(s, "StopTransaction", 0);
    CHECK(station_has(stop, "idTag", "PAPA"));
    CHECK(station_has(stop, "reason", "Local"));
    CHECK_EQ(station_count(s, "Authorize"), 0);
}

static void group_card_that_is_unknown_is_asked_about(void)
{
    station_t *s = station_online(1);
    s->csms.tag_more = ",\"parentIdTag\":\"FAM\"";
    start_by(s, "MAMA");
    CHECK_EQ(station_count(s, "Authorize"), 1);
    s->csms.tag_more = ",\"parentIdTag\":\"WORK\"";
    CHECK_EQ(present(s, "OTHER"), 0);
    station_run(s, 500);
    CHECK_EQ(station_count(s, "Authorize"), 2);
    CHECK_EQ(state(s), EVSE_SESSION_RUNNING);
    s->csms.tag_more = ",\"parentIdTag\":\"FAM\"";
    s->csms.tag_status = "Blocked";
    CHECK_EQ(present(s, "CHILD"), 0);
    station_run(s, 500);
    CHECK_EQ(state(s), EVSE_SESSION_RUNNING); // of the group, but not valid
    s->csms.tag_status = "Accepted";
    CHECK_EQ(present(s, "PAPA"), 0);
    station_run(s, 2000);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "idTag", "PAPA"));
}

static void group_of_a_session_started_offline_is_learned_from_its_start(void)
{
    station_t *s = station_online(1);
    set(s, "AllowOfflineTxForUnknownId", "true");
    go_offline(s);
    start_by(s, "MAMA");
    CHECK_EQ(present(s, "PAPA"), HF_E_STATE);
    s->csms.tag_more = ",\"parentIdTag\":\"FAM\"";
    go_online(s);
    CHECK_STR(s->ocpp.session[0].parent_id_tag, "FAM");
    CHECK_EQ(present(s, "PAPA"), 0);
    station_run(s, 2000);
    CHECK_EQ(state(s), EVSE_SESSION_IDLE);
}

static void group_less_sessions_end_by_their_own_card_only(void)
{
    station_t *s = station_online(1);
    start_by(s, "MAMA");
    unsigned asked = station_count(s, "Authorize");
    CHECK_EQ(present(s, "PAPA"), HF_E_STATE);
    CHECK_EQ(station_count(s, "Authorize"), asked);
    CHECK_EQ(present(s, "mama"), 0);
    station_run(s, 2000);
    CHECK_EQ(state(s), EVSE_SESSION_IDLE);
}

HF_TEST_MAIN(HF_TEST(rule_18_offline_listed_tags_go_by_their_status),
             HF_TEST(rule_18_offline_without_local_authorization_known_tags_are_refused),
             HF_TEST(rule_18_list_goes_before_the_cache),
             HF_TEST(auth_with_an_unknown_clock_nothing_has_expired),
             HF_TEST(auth_tag_expires_while_the_station_runs),
             HF_TEST(auth_card_before_the_first_acceptance_is_decided_at_once),
             HF_TEST(auth_unanswered_authorize_falls_back_on_what_is_known),
             HF_TEST(auth_online_the_central_system_is_asked_also_about_known_tags),
             HF_TEST(auth_local_pre_authorize_starts_known_tags_at_once),
             HF_TEST(auth_cached_tag_pre_authorizes_too_until_it_is_cleared),
             HF_TEST(rule_18_cache_learns_from_authorize_start_and_stop),
             HF_TEST(rule_18_tag_in_the_list_never_enters_the_cache),
             HF_TEST(rule_18_disabled_cache_learns_nothing),
             HF_TEST(auth_concurrent_transaction_is_not_kept_of_a_tag),
             HF_TEST(auth_malformed_info_teaches_nothing),
             HF_TEST(auth_cached_expiry_counts_offline),
             HF_TEST(rule_18_conflict_with_the_list_is_told_on_connector_0),
             HF_TEST(rule_18_conflict_found_offline_is_told_after_the_return),
             HF_TEST(rule_19_clear_cache_is_accepted_only_with_a_cache),
             HF_TEST(rule_19_clear_cache_touches_no_transaction),
             HF_TEST(rule_17_remote_start_is_authorized_only_when_it_must),
             HF_TEST(rule_17_remote_start_is_authorized_by_list_and_cache_too),
             HF_TEST(group_card_that_is_listed_ends_the_session_without_asking),
             HF_TEST(group_card_that_is_unknown_is_asked_about),
             HF_TEST(group_of_a_session_started_offline_is_learned_from_its_start),
             HF_TEST(group_less_sessions_end_by_their_own_card_only))

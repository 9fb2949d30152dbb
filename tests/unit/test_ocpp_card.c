// SPDX-License-Identifier: MIT
// One reader for the whole station: which connector a card is for, repeated reads, a reader that goes away.
#include "support/ocpp_station.h"

typedef struct fake_reader {
    const char *cards[8]; // one a poll
    unsigned count, at;
    int failure;
} fake_reader_t;

static fake_reader_t fake;

static int fake_poll(void *ctx, uint64_t now_us, char id_tag[EVSE_ID_TAG_BYTES])
{
    fake_reader_t *reader = ctx;
    (void)now_us;
    if (reader->failure != 0 || reader->at == reader->count) {
        return reader->failure;
    }
    strcpy(id_tag, reader->cards[reader->at++]);
    return 1;
}

static const evse_reader_ops_t fake_ops = {.poll = fake_poll};

static station_t *station_with_reader(unsigned connectors)
{
    fake = (fake_reader_t){.failure = 0};
    station_t *s = station_new(connectors);
    s->config.reader = (evse_reader_t){.ops = &fake_ops, .ctx = &fake};
    CHECK_EQ(station_boot(s), 0);
    s->link.up = true;
    station_run(s, 1000);
    CHECK(evse_ocpp_is_online(&s->ocpp));
    s->call_count = 0;
    return s;
}

static void show(station_t *s, const char *card)
{
    fake.cards[0] = card;
    fake.count = 1;
    fake.at = 0;
    station_run(s, 2500); // longer than a repetition
    CHECK_EQ(fake.at, 1);
}

static unsigned state(const station_t *s, unsigned connector)
{
    return s->ocpp.session[connector].state;
}

static void card_begins_and_ends_a_session(void)
{
    station_t *s = station_with_reader(1);
    s->control[0].plugged = true;
    station_run(s, 100);
    show(s, "CARD");
    CHECK_EQ(state(s, 0), EVSE_SESSION_RUNNING);
    show(s, "OTHER");
    CHECK_EQ(state(s, 0), EVSE_SESSION_RUNNING);
    show(s, "card");
    CHECK_EQ(state(s, 0), EVSE_SESSION_IDLE);
    CHECK_EQ(station_count(s, "StopTransaction"), 1);
}

static void card_goes_to_the_connector_where_a_vehicle_waits(void)
{
    station_t *s = station_with_reader(3);
    s->control[1].plugged = true;
    station_run(s, 100);
    show(s, "A");
    CHECK_EQ(state(s, 1), EVSE_SESSION_RUNNING);
    s->control[2].plugged = true;
    station_run(s, 100);
    show(s, "B");
    CHECK_EQ(state(s, 2), EVSE_SESSION_RUNNING);
    show(s, "C"); // nobody has plugged in: the first that is free waits for it
    CHECK_EQ(state(s, 0), EVSE_SESSION_AUTHORIZED);
    show(s, "D"); // all taken
    CHECK_EQ(s->ocpp.sessions_started, 2);
    show(s, "A"); // its own, wherever it is
    CHECK_EQ(state(s, 1), EVSE_SESSION_IDLE);
    CHECK_EQ(state(s, 2), EVSE_SESSION_RUNNING);
}

static void card_takes_the_connector_that_is_reserved_for_it(void)
{
    station_t *s = station_with_reader(2);
    CHECK_STR(
        station_ask(s, "ReserveNow",
                    "{\"connectorId\":2,\"expiryDate\":\"2026-11-21T10:42:33Z\",\"idTag\":\"MINE\","
                    "\"reservationId\":4}"),
        STATION_ACCEPTED);
    s->control[0].plugged = true;
    station_run(s, 200);
    show(s, "MINE");
    CHECK_EQ(state(s, 0), EVSE_SESSION_IDLE);
    CHECK_EQ(state(s, 1), EVSE_SESSION_AUTHORIZED);
    show(s, "OTHER");
    CHECK_EQ(state(s, 0), EVSE_SESSION_RUNNING);
}

static void card_of_the_group_ends_the_session_of_its_group(void)
{
    station_t *s = station_with_reader(2);
    s->control[0].plugged = s->control[1].plugged = true;
    station_run(s, 100);
    s->csms.tag_more = ",\"parentIdTag\":\"WORK\"";
    show(s, "MAMA");
    s->csms.tag_more = ",\"parentIdTag\":\"FAM\"";
    show(s, "PAPA");
    CHECK_EQ(state(s, 0), EVSE_SESSION_RUNNING);
    CHECK_EQ(state(s, 1), EVSE_SESSION_RUNNING);
    show(s, "FAM"); // the group's own card
    CHECK_EQ(state(s, 0), EVSE_SESSION_RUNNING);
    CHECK_EQ(state(s, 1), EVSE_SESSION_IDLE);
}

static void card_that_lies_on_the_reader_is_presented_once(void)
{
    station_t *s = station_with_reader(1);
    for (unsigned i = 0; i < 200; i++) { // ten seconds, twenty times a second
        fake.cards[0] = "CARD";
        fake.count = 1;
        fake.at = 0;
        station_run(s, 60);
    }
    CHECK_EQ(state(s, 0), EVSE_SESSION_AUTHORIZED);
    CHECK_EQ(station_count(s, "Authorize"), 1);
    station_run(s, 2000);
    show(s, "CARD"); // taken away and shown again
    CHECK_EQ(state(s, 0), EVSE_SESSION_IDLE);
}

static void card_after_another_needs_no_pause(void)
{
    station_t *s = station_with_reader(1);
    s->csms.tag_status = "Blocked";
    fake = (fake_reader_t){.cards = {"A", "A", "B", "A"}, .count = 4};
    station_run(s, 1000);
    CHECK_EQ(fake.at, 4);
    s->csms.tag_status = "Accepted";
    station_run(s, 2500);
    show(s, "B");
    CHECK_EQ(state(s, 0), EVSE_SESSION_AUTHORIZED);
}

static void reader_that_is_gone_does_not_matter_to_the_rest(void)
{
    station_t *s = station_with_reader(1);
    fake.failure = HF_E_IO;
    station_run(s, 1000);
    CHECK(evse_ocpp_is_online(&s->ocpp));
    CHECK_EQ(s->ocpp.auth.card.is_gone, true);
    fake.failure = 0;
    show(s, "CARD");
    CHECK_EQ(s->ocpp.auth.card.is_gone, false);
    CHECK_EQ(state(s, 0), EVSE_SESSION_AUTHORIZED);
}

static void card_that_is_no_tag_is_refused(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_present_card(&s->ocpp, "", s->now_us), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_present_card(&s->ocpp, NULL, s->now_us), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_present_card(&s->ocpp, "123456789012345678901", s->now_us), HF_E_TOO_LONG);
}

HF_TEST_MAIN(HF_TEST(card_begins_and_ends_a_session),
             HF_TEST(card_goes_to_the_connector_where_a_vehicle_waits),
             HF_TEST(card_takes_the_connector_that_is_reserved_for_it),
             HF_TEST(card_of_the_group_ends_the_session_of_its_group),
             HF_TEST(card_that_lies_on_the_reader_is_presented_once),
             HF_TEST(card_after_another_needs_no_pause),
             HF_TEST(reader_that_is_gone_does_not_matter_to_the_rest),
             HF_TEST(card_that_is_no_tag_is_refused))

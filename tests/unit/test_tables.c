// SPDX-License-Identifier: MIT
// The charge point's tables: numbers that are interfaces, texts for every number, mailboxes.
#include "evse/evse_state.h"
#include "hf_test.h"

static void tables_fault_numbers_are_those_of_document_001(void)
{
    CHECK_EQ(EVSE_FAULT_CAN_BUS_OFF, 1);
    CHECK_EQ(EVSE_FAULT_CHARGER_OFFLINE, 2);
    CHECK_EQ(EVSE_FAULT_OVERVOLTAGE, 3);
    CHECK_EQ(EVSE_FAULT_OVERCURRENT, 4);
    CHECK_EQ(EVSE_FAULT_OVERTEMPERATURE, 5);
    CHECK_EQ(EVSE_FAULT_COUNT, 21);
}

static void tables_every_number_has_a_text(void)
{
    for (unsigned i = 0; i < EVSE_FAULT_COUNT; i++) {
        CHECK(strlen(evse_fault_name(i)) > 0 && strlen(evse_fault_text(i)) > 0);
        CHECK(strlen(evse_fault_ocpp_code(i)) > 0);
    }
    for (unsigned i = 0; i < EVSE_STOP_REASON_COUNT; i++) {
        CHECK(evse_stop_reason_text(i) != NULL);
    }
    for (unsigned i = 0; i < EVSE_REASON_COUNT; i++) {
        CHECK(evse_reason_text(i) != NULL);
    }
    for (unsigned i = 0; i < EVSE_POWER_PHASE_COUNT; i++) {
        CHECK(evse_power_phase_text(i) != NULL);
    }
    CHECK_STR(evse_connector_state_text(EVSE_STATE_SuspendedEVSE), "SuspendedEVSE");
    CHECK_STR(evse_stop_reason_text(EVSE_STOP_EVDisconnected), "EVDisconnected");
    CHECK_STR(evse_fault_ocpp_code(EVSE_FAULT_OVERTEMPERATURE), "HighTemperature");
    CHECK_STR(evse_reason_text(EVSE_REASON_INDEX_BMS_SILENT), "BMS silent");
    CHECK_STR(evse_power_phase_text(EVSE_POWER_STOPPING), "stopping");
}

static void tables_numbers_outside_have_a_text_too(void)
{
    CHECK_STR(evse_fault_name(EVSE_FAULT_COUNT), "UNKNOWN");
    CHECK_STR(evse_fault_ocpp_code(999), "OtherError");
    CHECK(evse_fault_text(999) != NULL);
    CHECK(evse_connector_state_text(999) != NULL);
    CHECK(evse_stop_reason_text(999) != NULL);
    CHECK(evse_reason_text(999) != NULL);
    CHECK(evse_power_phase_text(999) != NULL);
}

static void tables_gravity_is_a_strict_order(void)
{
    CHECK_EQ(evse_fault_gravity(EVSE_FAULT_NONE), 0);
    CHECK_EQ(evse_fault_gravity(999), 0);
    for (unsigned i = 1; i < EVSE_FAULT_COUNT; i++) {
        CHECK(evse_fault_gravity(i) > 0);
        for (unsigned j = 0; j < i; j++) {
            CHECK(evse_fault_gravity(i) != evse_fault_gravity(j));
        }
        CHECK(evse_fault_gravity(i) <= evse_fault_gravity(EVSE_FAULT_EMERGENCY_STOP));
    }
}

static void mailbox_is_empty_and_keeps_urgent_room(void)
{
    static evse_mailbox_t mailbox;
    evse_orders_t orders;
    evse_event_t event = {0};
    CHECK_EQ(evse_mailbox_init(NULL, 1), HF_E_ARGUMENT);
    CHECK_EQ(evse_mailbox_init(&mailbox, 0), HF_E_ARGUMENT);
    CHECK_EQ(evse_mailbox_init(&mailbox, CONFIG_EVSE_CONNECTORS_MAX + 1), HF_E_ARGUMENT);
    CHECK_EQ(evse_mailbox_init(&mailbox, CONFIG_EVSE_CONNECTORS_MAX), 0);
    CHECK_EQ(hf_snapshot_read(&mailbox.orders, &orders), HF_E_EMPTY);
    CHECK_EQ(hf_queue_free(&mailbox.events), EVSE_EVENTS_CAPACITY - EVSE_EVENTS_RESERVE);
    while (hf_queue_put(&mailbox.events, &event) == 0) {
    }
    CHECK_EQ(hf_queue_put_urgent(&mailbox.events, &event), 0);
}

HF_TEST_MAIN(HF_TEST(tables_fault_numbers_are_those_of_document_001),
             HF_TEST(tables_every_number_has_a_text),
             HF_TEST(tables_numbers_outside_have_a_text_too),
             HF_TEST(tables_gravity_is_a_strict_order),
             HF_TEST(mailbox_is_empty_and_keeps_urgent_room))

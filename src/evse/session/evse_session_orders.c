// SPDX-License-Identifier: MIT
// Orders to control. Invariants: an order says until when it holds and is renewed long before that; it is written when it
// has changed, else twice a second; RUN only for a session whose start is durable and whose energy may be billed.
#include "../ocpp/evse_ocpp_smart.h"
#include "evse_session_private.h"

// A tag that was not accepted, and whose transaction goes on all the same: MaxEnergyOnInvalidId of energy in all, for the
// way home; then none.
static bool is_energy_permitted(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_session_t *session = &ocpp->session[connector];
    uint64_t most_Wh = (uint64_t)EVSE_NUMBER(ocpp, MaxEnergyOnInvalidId);
    return !session->deauthorized ||
           evse_register_Wh(ocpp, connector) - session->start_Wh < most_Wh;
}

static evse_session_order_t order_of(const evse_ocpp_t *ocpp, unsigned connector)
{
    switch (ocpp->session[connector].state) {
    case EVSE_SESSION_AUTHORIZED:
    case EVSE_SESSION_STARTING:
        return EVSE_ORDER_AUTHORIZED;
    case EVSE_SESSION_RUNNING:
        return is_energy_permitted(ocpp, connector) ? EVSE_ORDER_RUN : EVSE_ORDER_SUSPEND;
    case EVSE_SESSION_IDLE:
    case EVSE_SESSION_AUTHORIZING:
    case EVSE_SESSION_STOPPING:
    default:
        return EVSE_ORDER_NONE;
    }
}

static evse_network_t network_of(const evse_ocpp_t *ocpp)
{
    return evse_ocpp_is_online(ocpp)            ? EVSE_NETWORK_ACCEPTED
           : ocpp->link_state == EVSE_LINK_OPEN ? EVSE_NETWORK_CONNECTED
                                                : EVSE_NETWORK_AWAY;
}

static evse_connector_order_t order_for(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_session_t *session = &ocpp->session[connector];
    return (evse_connector_order_t){
        .valid_until_us = ocpp->orders.connector[connector].valid_until_us,
        .session = (uint32_t)order_of(ocpp, connector),
        .session_id = session->id,
        .inoperative = evse_session_is_inoperative(ocpp, connector) ? 1u : 0u,
        .reserved_for = evse_reservation_shows(ocpp, connector) ? 1u : 0u,
        .unlock_count = ocpp->unlock_count[connector],
        .limit_mA = evse_smart_limit_mA(ocpp, connector),
        .limit_W = evse_smart_limit_W(ocpp, connector),
        .journal_failed = ocpp->journal_failed ? 1u : 0u,
        .network = (uint32_t)network_of(ocpp),
        .finishing = ocpp->config.store->finishing[connector] ? 1u : 0u,
        .hold_lock = session->cable_held ? 1u : 0u,
        .signal = ocpp->signal[connector],
        .blink_repeat = (uint32_t)EVSE_NUMBER(ocpp, BlinkRepeat),
        .dark = EVSE_NUMBER(ocpp, LightIntensity) == 0 ? 1u : 0u,
    };
}

void evse_sessions_order(evse_ocpp_t *ocpp)
{
    bool changed = false;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_connector_order_t order = order_for(ocpp, i);
        if (memcmp(&order, &ocpp->orders.connector[i], sizeof order) != 0) {
            ocpp->orders.connector[i] = order;
            changed = true;
        }
    }
    if (!changed && !evse_is_due(ocpp->now_us, ocpp->next_orders_us)) {
        return;
    }
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        ocpp->orders.connector[i].valid_until_us = ocpp->now_us + EVSE_ORDER_VALID_US;
    }
    if (ocpp->first_orders_us == 0u) {
        ocpp->first_orders_us = ocpp->now_us;
    }
    ocpp->next_orders_us = ocpp->now_us + EVSE_ORDER_REPEAT_US;
    hf_snapshot_write(&ocpp->config.mailbox->orders, &ocpp->orders);
}

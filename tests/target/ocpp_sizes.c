// SPDX-License-Identifier: MIT
// What OCPP 1.6 takes of a microcontroller's RAM, as the size of an array: all of a charge point but control and its
// mailboxes,
// the link, one receive and one send buffer. Compiled for HF_SIZES_CONNECTORS connectors.
#include "holdfast/hf_config.h"

#undef CONFIG_EVSE_CONNECTORS_MAX
#define CONFIG_EVSE_CONNECTORS_MAX HF_SIZES_CONNECTORS

#include "evse/evse.h"
#include "evse/evse_ws.h"

#define OCPP_BYTES                                                                                 \
    (sizeof(evse_t) - sizeof(evse_control_t) - sizeof(evse_mailbox_t) + sizeof(evse_ws_t) +        \
     CONFIG_EVSE_OCPP_RECEIVE_BYTES + CONFIG_EVSE_OCPP_SEND_BYTES)

#define ARRAY(name, bytes)                                                                         \
    extern const uint8_t sizeof_##name[bytes];                                                     \
    const uint8_t sizeof_##name[bytes] = {0}

#if HF_SIZES_CONNECTORS == 1
ARRAY(ocpp_1, OCPP_BYTES);
ARRAY(ocpp_receive, CONFIG_EVSE_OCPP_RECEIVE_BYTES);
ARRAY(ocpp_send, CONFIG_EVSE_OCPP_SEND_BYTES);
ARRAY(ocpp_instance, sizeof(evse_ocpp_t));
ARRAY(ocpp_store, sizeof(evse_store_t));
ARRAY(ocpp_link, sizeof(evse_ws_t));
#else
ARRAY(ocpp_2, OCPP_BYTES);
#endif

// SPDX-License-Identifier: MIT
// Build configuration: the values come from Kconfig (hf_autoconf.h, generated), or from a header of that name written by
// hand where Kconfig is not used. A switch that is left out is off, a number that is left out has the default of the
// Kconfig tree, which states meaning, unit and cost; what is out of range or misses its dependency is refused here.
#ifndef HF_CONFIG_H
#define HF_CONFIG_H

#include "hf_autoconf.h"

#ifndef CONFIG_EVSE_CONNECTORS_MAX
#define CONFIG_EVSE_CONNECTORS_MAX 4
#endif
#if CONFIG_EVSE_CONNECTORS_MAX < 1 || CONFIG_EVSE_CONNECTORS_MAX > 4
#error "CONFIG_EVSE_CONNECTORS_MAX: 1 to 4"
#endif

#if CONFIG_EVSE_WS && !CONFIG_EVSE_OCPP
#error "CONFIG_EVSE_WS needs CONFIG_EVSE_OCPP"
#endif

#if CONFIG_EVSE_OCPP
#if !CONFIG_HF_JSON || !CONFIG_HF_JOURNAL
#error "CONFIG_EVSE_OCPP needs CONFIG_HF_JSON and CONFIG_HF_JOURNAL"
#endif

#ifndef CONFIG_EVSE_OCPP_MESSAGE_BYTES
#define CONFIG_EVSE_OCPP_MESSAGE_BYTES 8192
#endif
#if CONFIG_EVSE_OCPP_MESSAGE_BYTES < 4096 || CONFIG_EVSE_OCPP_MESSAGE_BYTES > 65536
#error "CONFIG_EVSE_OCPP_MESSAGE_BYTES: 4096 to 65536"
#endif

#ifndef CONFIG_EVSE_OCPP_PAYLOAD_BYTES
#define CONFIG_EVSE_OCPP_PAYLOAD_BYTES 2048
#endif
#if CONFIG_EVSE_OCPP_PAYLOAD_BYTES < 1024 || CONFIG_EVSE_OCPP_PAYLOAD_BYTES > 8192
#error "CONFIG_EVSE_OCPP_PAYLOAD_BYTES: 1024 to 8192"
#endif

#ifndef CONFIG_EVSE_MESSAGES_MAX
#define CONFIG_EVSE_MESSAGES_MAX 256
#endif
#if CONFIG_EVSE_MESSAGES_MAX < 8 || CONFIG_EVSE_MESSAGES_MAX > 1024
#error "CONFIG_EVSE_MESSAGES_MAX: 8 to 1024"
#endif

#ifndef CONFIG_EVSE_TRANSACTIONS_MAX
#define CONFIG_EVSE_TRANSACTIONS_MAX 64
#endif
#if CONFIG_EVSE_TRANSACTIONS_MAX < 2 || CONFIG_EVSE_TRANSACTIONS_MAX > 512
#error "CONFIG_EVSE_TRANSACTIONS_MAX: 2 to 512"
#endif

#ifndef CONFIG_EVSE_SETTINGS_MAX
#define CONFIG_EVSE_SETTINGS_MAX 32
#endif
#if CONFIG_EVSE_SETTINGS_MAX < 8 || CONFIG_EVSE_SETTINGS_MAX > 64
#error "CONFIG_EVSE_SETTINGS_MAX: 8 to 64"
#endif

#ifndef CONFIG_EVSE_BOOT_OFFSETS_MAX
#define CONFIG_EVSE_BOOT_OFFSETS_MAX 8
#endif
#if CONFIG_EVSE_BOOT_OFFSETS_MAX < 2 || CONFIG_EVSE_BOOT_OFFSETS_MAX > 16
#error "CONFIG_EVSE_BOOT_OFFSETS_MAX: 2 to 16"
#endif
#endif // CONFIG_EVSE_OCPP

#endif

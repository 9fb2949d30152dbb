// SPDX-License-Identifier: MIT
// Commissioning of a profile on a physical bus [SAF-15]: little current until the terminals' meter and the modules agree,
// then silence, to see how long the modules go on without a controller, then a restart of the power with all limits. Pure:
// told what is, it says what may be; evse_control does it.
#ifndef EVSE_COMMISSION_H
#define EVSE_COMMISSION_H

#include "evse/evse_module.h"

#define EVSE_COMMISSION_STATE_TABLE(X)                                                             \
    X(NONE, "proven or not asked for")                                                             \
    X(WAITING, "waits for power in a session")                                                     \
    X(COMPARING, "comparing terminals and modules at little current")                              \
    X(ANNOUNCED, "last frames before the silence")                                                 \
    X(SILENT, "silence: how long the modules go on by themselves")                                 \
    X(RESTARTING, "proven; power restarts with all limits")                                        \
    X(FAILED, "failed in this session")

typedef enum evse_commission_state {
#define EVSE_COMMISSION_STATE_ENUM(name, text) EVSE_COMMISSION_##name,
    EVSE_COMMISSION_STATE_TABLE(EVSE_COMMISSION_STATE_ENUM)
#undef EVSE_COMMISSION_STATE_ENUM
        EVSE_COMMISSION_STATE_COUNT
} evse_commission_state_t;
const char *evse_commission_state_text(unsigned state);

typedef struct evse_commission {
    evse_commission_state_t state;
    uint64_t since_us; // they agree, or all is silent, since then
    uint32_t
        agree_permille;  // worst difference while they agreed; of the last proof when there was one
    uint32_t timeout_ms; // the modules' own, as measured last; 0 never
} evse_commission_t;

typedef struct evse_commission_inputs {
    const evse_module_t *module;
    bool session;   // one is active and not ending
    bool on;        // the module confirmed ON and its output has settled
    bool off;       // power is off
    bool permitted; // by the verdict of this tick
    bool reduced;   // a lower setpoint has to go out in this tick
    bool sent;      // the control group is out
} evse_commission_inputs_t;

typedef enum evse_commission_result {
    EVSE_COMMISSION_NOTHING,
    EVSE_COMMISSION_PROVEN,  // once: to be recorded
    EVSE_COMMISSION_REFUTED, // once: the session has to end
} evse_commission_result_t;

/// From the next session on.
void evse_commission_want(evse_commission_t *commission);
/// Once a tick, after the judge, before the power step.
evse_commission_result_t evse_commission_step(evse_commission_t *commission,
                                              const evse_commission_inputs_t *inputs,
                                              uint64_t now_us);
/// Most current it permits: INT32_MAX none to say, 0 power is withheld.
int32_t evse_commission_limit_mA(const evse_commission_t *commission);
/// How far two readings are apart, in permille of the larger, rounded up; UINT32_MAX unless both are above `least`.
uint32_t evse_commission_apart_permille(int32_t a, int32_t b, int32_t least);

#endif

// SPDX-License-Identifier: MIT
// Smart charging: charging profiles (purposes, kinds, stacking, recurrence, validity), the limit that applies at a moment,
// and how a limit of the station is shared. Pure: profiles and a moment in, a limit out. For a DC outlet A is the output
// current of a connector and W its output power; numberPhases never scales a limit (errata 3.34).
// Invariants: what cannot be placed in time, or not be read, binds with the least it says; connectors that share a limit
// are never permitted more than it in sum, those that still come down included.
#ifndef EVSE_SMART_H
#define EVSE_SMART_H

#include "holdfast/hf_base.h"
#include "holdfast/hf_text.h"

#define EVSE_LIMIT_NONE      INT32_MAX
#define EVSE_STACK_LEVEL_MAX 9 // ChargeProfileMaxStackLevel

/// What may flow: both bind, EVSE_LIMIT_NONE where nothing does.
typedef struct evse_smart_limit {
    int32_t mA; // output current
    int32_t dW; // output power, tenths of a watt
} evse_smart_limit_t;

evse_smart_limit_t evse_smart_least(evse_smart_limit_t a, evse_smart_limit_t b);
/// Reads "16A", "16.5A", "3700W" (the station's own keys), "" as no limit. HF_E_FORMAT, HF_E_RANGE.
HF_MUST_CHECK int evse_smart_limit_parse(hf_slice_t text, evse_smart_limit_t *limit);

// ---- one profile --------------------------------------------------------------------------------

typedef enum evse_purpose { // numbers are on flash
    EVSE_PURPOSE_NONE,      // of a slot: free
    EVSE_PURPOSE_STATION,   // ChargePointMaxProfile
    EVSE_PURPOSE_DEFAULT,   // TxDefaultProfile
    EVSE_PURPOSE_TX,        // TxProfile
} evse_purpose_t;

typedef enum evse_kind { // numbers are on flash
    EVSE_KIND_ABSOLUTE,
    EVSE_KIND_RELATIVE, // to the start of the transaction
    EVSE_KIND_DAILY,
    EVSE_KIND_WEEKLY,
} evse_kind_t;

typedef enum evse_rate_unit { // numbers are on flash
    EVSE_RATE_A,
    EVSE_RATE_W,
} evse_rate_unit_t;

/// A limit that no profile may state more than: what is more becomes this.
#define EVSE_RATE_TENTHS_MAX    (INT32_MAX / 100 - 1)
#define EVSE_PERIOD_START_MAX_S 0x3FFFFFFF
#define EVSE_DURATION_NONE      UINT32_MAX

typedef struct evse_period {
    uint32_t start_s; // after the schedule's start
    int32_t tenths;   // of the unit
    uint8_t phases;   // 0: not stated
} evse_period_t;

typedef struct evse_profile {
    int32_t id;
    uint8_t purpose, kind, unit; // evse_purpose_t, evse_kind_t, evse_rate_unit_t
    uint8_t connector;           // 0 the station
    uint8_t stack_level;
    uint8_t period_count;
    uint64_t valid_from_ms, valid_to_ms; // UTC; 0 not stated
    uint64_t start_ms;                   // UTC; RELATIVE has none
    uint32_t duration_s;                 // EVSE_DURATION_NONE
    evse_period_t period[CONFIG_EVSE_CHARGING_PERIODS_MAX];
} evse_profile_t;

/// True when it is whole and consistent: first period at 0, periods ascending, a start where the kind needs one, a
/// duration that is not 0, validity in order, purpose and connector fitting.
bool evse_profile_is_sound(const evse_profile_t *profile);

#define EVSE_PROFILE_ENCODED_MAX (32u + 10u * CONFIG_EVSE_CHARGING_PERIODS_MAX)
/// Its length. What is not sound must not be handed in.
size_t evse_profile_encode(const evse_profile_t *profile, uint8_t bytes[EVSE_PROFILE_ENCODED_MAX]);
/// HF_E_CORRUPT: not what evse_profile_encode() of this version made. HF_E_UNSUPPORTED: another version, or more periods
/// than this build has room for.
HF_MUST_CHECK int evse_profile_decode(const uint8_t *bytes, size_t length, evse_profile_t *profile);

typedef struct evse_smart_moment {
    uint64_t utc_ms;      // 0 unknown
    uint64_t charging_ms; // since the transaction began; 0 where it would begin now
} evse_smart_moment_t;

typedef enum evse_profile_says {
    EVSE_PROFILE_NOTHING, // not valid now, not begun, or over: a lower one prevails
    EVSE_PROFILE_LIMIT,
    EVSE_PROFILE_UNPLACED, // no clock: it may prevail or not; the limit is the least it ever states
} evse_profile_says_t;

typedef struct evse_profile_answer {
    evse_profile_says_t says;
    int32_t tenths;
    uint8_t phases;
    uint64_t next_ms; // so long does the answer hold; UINT64_MAX for ever
} evse_profile_answer_t;

evse_profile_answer_t evse_profile_ask(const evse_profile_t *profile, evse_smart_moment_t moment);
/// True when it can never bind again, since `margin_ms` at least.
bool evse_profile_is_over(const evse_profile_t *profile, uint64_t utc_ms, uint64_t margin_ms);

// ---- all of them --------------------------------------------------------------------------------

/// What is kept in memory of an installed profile; the rest is read where it lies.
typedef struct evse_profile_slot {
    int32_t id;
    uint8_t purpose; // EVSE_PURPOSE_NONE: free
    uint8_t connector;
    uint8_t stack_level;
} evse_profile_slot_t;

typedef struct evse_profiles {
    evse_profile_slot_t slot[CONFIG_EVSE_CHARGING_PROFILES_MAX];
    /// Reads one whole; anything but 0 is "cannot be read".
    int (*load)(void *ctx, unsigned slot, evse_profile_t *profile);
    void *ctx;
} evse_profiles_t;

/// What several profiles say together.
typedef struct evse_smart_rate {
    evse_smart_limit_t limit;
    uint8_t phases;   // of the period that set the limit; 0 not stated
    uint64_t next_ms; // so long does it hold; UINT64_MAX for ever
} evse_smart_rate_t;

/// What a connector's (from 1) own profiles permit: the transaction's, else the default ones, of each purpose the highest
/// level that says something; at one level the connector's own go before the station's.
evse_smart_rate_t evse_profiles_of_connector(const evse_profiles_t *profiles, unsigned connector,
                                             evse_smart_moment_t moment);
/// What all connectors together may take (ChargePointMaxProfile).
evse_smart_rate_t evse_profiles_of_station(const evse_profiles_t *profiles,
                                           evse_smart_moment_t moment);

// ---- sharing ------------------------------------------------------------------------------------

/// One connector's part in a limit of the station, in either unit. `held` is what it may still be drawing: the larger of
/// what was granted before, until it has come down.
typedef struct evse_share {
    int32_t want; // most it could use; 0 takes no part
    int32_t granted;
    int32_t held;
} evse_share_t;

/// Sets `granted` anew. Fair: what one cannot use goes to the others in equal parts. Who has to shrink shrinks at once, who
/// may grow grows by no more than what nobody else holds. The sum of `granted` never exceeds `total`.
void evse_share_divide(evse_share_t *share, unsigned count, int32_t total);

// ---- what the comms core keeps ------------------------------------------------------------------

/// What one connector may take, and may still be taking. Fields are private to evse_ocpp_smart*.c.
typedef struct evse_smart_grant {
    evse_smart_limit_t granted, held;
    uint64_t shrunk_us;
    uint32_t session; // whose profiles are installed; 0 none
    uint8_t state;    // of that session, as last reckoned with
    bool limited_mA, limited_dW;
} evse_smart_grant_t;

typedef struct evse_smart {
    evse_profiles_t profiles;
    evse_smart_grant_t grant[CONFIG_EVSE_CONNECTORS_MAX];
    uint64_t next_us; // nothing changes before; 0 at once
    uint64_t next_sweep_us;
    uint64_t away_us;       // since when the central system is gone
    uint64_t utc_offset_ms; // as last reckoned with
    bool online;
} evse_smart_t;

#endif

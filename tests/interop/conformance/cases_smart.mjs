// SPDX-License-Identifier: MIT
// Smart charging: profiles taken, refused, stacked, cleared, and the composite schedule they make. Times in the expected
// schedules may be off by the seconds that pass between two messages.
import {expect, same, sleep, status} from './rig.mjs';

const SLACK_S = 4;
const SINCE_S = 2; // a schedule began so long ago: two clocks are never equal
const UNIT = 'A';

const iso = (s) => new Date(Date.now() + s * 1000).toISOString();
const periods = (list) => list.map(([startPeriod, limit]) => ({startPeriod, limit}));

/** A profile that has just begun; `list` is [[start, limit], ...]. */
function profile(chargingProfileId, chargingProfilePurpose, stackLevel, duration, list, more = {}) {
    return {chargingProfileId, stackLevel, chargingProfilePurpose, chargingProfileKind: 'Absolute', ...more,
        chargingSchedule: {duration, startSchedule: iso(-SINCE_S), chargingRateUnit: UNIT, chargingSchedulePeriod: periods(list)}};
}

const install = (rig, connectorId, csChargingProfiles) => rig.accepted('SetChargingProfile', {connectorId, csChargingProfiles});

const refuse = (rig, connectorId, csChargingProfiles) => rig.ask('SetChargingProfile', {connectorId, csChargingProfiles},
    (answer) => answer.status === 'Rejected' || answer.error === 'PropertyConstraintViolation');

/** The composite schedule is this one; periods that do not change the limit may be there or not. */
async function composite(rig, duration, list) {
    const answer = await rig.ask('GetCompositeSchedule', {connectorId: 1, duration, chargingRateUnit: UNIT},
        (each) => each.status === 'Accepted');
    const found = answer.chargingSchedule;
    expect(found, `no schedule: ${JSON.stringify(answer)}`);
    same([answer.connectorId, found.chargingRateUnit], [1, UNIT], 'connector and unit');
    const begins = Date.parse(answer.scheduleStart);
    expect(!answer.scheduleStart || Math.abs(begins - Date.now()) < SLACK_S * 1000, `begins ${answer.scheduleStart}`);
    expect(found.duration === undefined || Math.abs(found.duration - duration) <= SLACK_S, `duration ${found.duration}`);
    const merged = found.chargingSchedulePeriod.filter((each, i, all) => i === 0 || all[i - 1].limit !== each.limit);
    const fits = merged.length === list.length && merged.every((each, i) =>
        each.limit === list[i][1] && each.startPeriod <= list[i][0] && each.startPeriod >= list[i][0] - SLACK_S);
    expect(fits && merged[0].startPeriod === 0, `schedule ${JSON.stringify(merged)}, expected ${JSON.stringify(list)}`);
}

async function txDefault(rig) {
    await install(rig, 1, profile(1, 'TxDefaultProfile', 0, 300, [[0, 6]], {validFrom: iso(-10), validTo: iso(310)}));
    await rig.charge();
    await composite(rig, 250, [[0, 6]]);
    await flows(rig, 6000);
}

/** What the limit says is what flows, after some time. */
async function flows(rig, most_mA) {
    for (let i = 0; i < 150; i++) {
        const {current_mA} = await rig.station.outlet();
        if (current_mA > 0 && current_mA <= most_mA * 1.02) {
            return;
        }
        await sleep(100);
    }
    throw new Error(`more than ${most_mA} mA flow`);
}

const txProfile = (transactionId, list, more = {}) =>
    profile(2, 'TxProfile', 0, 300, list, {...(transactionId === undefined ? {} : {transactionId}), ...more});

async function inTransaction(rig) {
    const {transactionId} = await rig.charge();
    await install(rig, 1, txProfile(transactionId, [[0, 8], [100, 10]]));
    await composite(rig, 250, [[0, 8], [100, 10]]);
    await flows(rig, 8000);
}

async function wrongTransaction(rig) {
    const {transactionId} = await rig.charge();
    await refuse(rig, 1, txProfile(transactionId + 7, [[0, 8]]));
}

/** Without a transactionId, which nobody knows yet: relative to its start. */
const remoteProfile = (chargingProfilePurpose) => ({chargingProfileId: 3, stackLevel: 0, chargingProfilePurpose,
    chargingProfileKind: 'Relative', chargingSchedule: {chargingRateUnit: UNIT, chargingSchedulePeriod: periods([[0, 7]])}});

async function remoteStart(rig) {
    await rig.charge('TAG', {chargingProfile: remoteProfile('TxProfile')});
    await composite(rig, 250, [[0, 7]]);
}

async function wrongPurpose(rig) {
    await rig.ask('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG', chargingProfile: remoteProfile('TxDefaultProfile')},
        (answer) => answer.status === 'Rejected' || answer.error === 'PropertyConstraintViolation');
}

/** Three purposes: the lowest of the station's and the transaction's, whose own profile beats the default one. */
async function threePurposes(rig) {
    await install(rig, 0, profile(1, 'ChargePointMaxProfile', 0, 86400, [[0, 10]]));
    await install(rig, 1, profile(2, 'TxDefaultProfile', 0, 300, [[0, 6], [60, 10], [120, 8]]));
    const {transactionId} = await rig.charge();
    const begun = profile(3, 'TxProfile', 0, 260, [[0, 8], [50, 11], [140, 16], [200, 6], [240, 12]], {transactionId});
    await install(rig, 1, begun);
    await composite(rig, 230, [[0, 8], [50, 10], [200, 6]]);
}

async function stacked(rig) {
    const valid = {validFrom: iso(-10), validTo: iso(600)};
    await install(rig, 1, profile(1, 'TxDefaultProfile', 0, 400, [[0, 6], [100, 8], [200, 10]], valid));
    await install(rig, 1, profile(2, 'TxDefaultProfile', 1, 150, [[0, 7], [100, 9]], valid));
    await rig.charge();
    await composite(rig, 350, [[0, 7], [100, 9], [150, 8], [200, 10]]);
}

async function cleared(rig) {
    const all = [profile(1, 'TxDefaultProfile', 1, 400, [[0, 6]]), profile(2, 'TxDefaultProfile', 0, 400, [[0, 8]]),
        profile(3, 'ChargePointMaxProfile', 0, 400, [[0, 10]])];
    await rig.charge();
    for (const each of all) {
        await install(rig, each.chargingProfilePurpose === 'ChargePointMaxProfile' ? 0 : 1, each);
    }
    await composite(rig, 350, [[0, 6]]);
    await rig.accepted('ClearChargingProfile', {id: 1});
    await composite(rig, 350, [[0, 8]]);
    await rig.accepted('ClearChargingProfile', {connectorId: 1, chargingProfilePurpose: 'TxDefaultProfile', stackLevel: 0});
    await composite(rig, 350, [[0, 10]]);
    await rig.accepted('ClearChargingProfile', {});
    await rig.ask('ClearChargingProfile', {}, {status: 'Unknown'});
}

async function defaultWhileCharging(rig) {
    await rig.charge();
    await install(rig, 1, profile(1, 'TxDefaultProfile', 0, 300, [[0, 6], [60, 9]]));
    await composite(rig, 250, [[0, 6], [60, 9]]);
    await flows(rig, 6000);
    same(rig.calls.findLast(status('Charging').fits) !== undefined, true, 'goes on');
}

export const cases = [
    {id: 'TC_056_CS', title: 'Default profile for transactions', run: txDefault},
    {id: 'TC_057_CS', title: 'Profile for the running transaction', run: inTransaction},
    {id: 'TC_058_1_CS', title: 'Profile for a transaction, none runs', run: (rig) => refuse(rig, 1, txProfile(4711, [[0, 8]]))},
    {id: 'TC_058_2_CS', title: 'Profile for another transaction than the running one', run: wrongTransaction},
    {id: 'TC_059_CS', title: 'Remote start with a profile', run: remoteStart},
    {id: 'TC_060_CS', title: 'Remote start with a profile of the wrong purpose', run: wrongPurpose},
    {id: 'TC_066_CS', title: 'Composite schedule of three purposes', run: threePurposes},
    {id: 'TC_067_CS', title: 'Clear profiles by id, by criteria, all', run: cleared},
    {id: 'TC_072_CS', title: 'Stacked profiles', run: stacked},
    {id: 'TC_082_CS', title: 'Default profile set while a transaction runs', run: defaultWhileCharging,
        note: 'In the range of the security cases, but a case of smart charging'},
];

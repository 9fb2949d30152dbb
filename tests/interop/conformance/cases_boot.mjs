// SPDX-License-Identifier: MIT
// Boot, reset, power failure, lost connections: what a charge point says when it comes, goes and is cut off.
import {LIMIT_MS, expect, message, now, same, start, status, stop, until} from './rig.mjs';

const boot = message('BootNotification');
const heartbeat = message('Heartbeat');
const WAIT_S = 2;      // as the central system tells in BootNotification
const EARLY_S = 0.2;   // a time of two clocks, as seen through a socket
const SAMPLE_S = 1;
const SAMPLE_SLACK_MS = 400;

const answer = (status_, interval = WAIT_S) => ({status: status_, interval, currentTime: new Date().toISOString()});

/** Refused or put off first: nothing else is said before the next try, and that comes when it was told to. */
async function registerSecondTime(rig, first, meanwhile = async () => {}) {
    let said = 0;
    rig.central.answers.BootNotification = () => answer(said++ === 0 ? first : 'Accepted');
    await rig.listen();
    rig.powerUp();
    const once = await rig.next(boot);
    await meanwhile();
    const again = await rig.next(boot);
    expect(again.t - once.t >= WAIT_S - EARLY_S, `registers again after ${again.t - once.t} s, was told ${WAIT_S} s`);
    same(rig.calls.slice(0, rig.at).map((call) => call.action), ['BootNotification', 'BootNotification'], 'before it is accepted');
    await rig.allAvailable();
    const [beat, next] = [await rig.next(heartbeat), await rig.next(heartbeat)];
    expect(Math.abs(next.t - beat.t - WAIT_S) < 1, `heartbeats ${next.t - beat.t} s apart, was told ${WAIT_S} s`);
}

async function reset(rig, type) {
    await rig.accepted('ChangeAvailability', {connectorId: 1, type: 'Inoperative'});
    await rig.next(status('Unavailable'));
    await rig.accepted('Reset', {type});
    await rig.next(boot);
    await rig.any(status('Available', 0), status('Unavailable', 1), status('Available', 2));
    await rig.accepted('ChangeAvailability', {connectorId: 1, type: 'Operative'});
    await rig.next(status('Available'));
}

async function resetInTransaction(rig, type) {
    const {transactionId} = await rig.charge();
    await rig.accepted('Reset', {type});
    const at = rig.at;
    const stopping = stop(`${type}Reset`, {transactionId});
    await rig.any(boot, stopping);
    rig.at = at;
    await rig.next(boot);
    await rig.any(status('Available', 0), status(/^(Finishing|Preparing)$/, 1), status('Available', 2));
    same(rig.central.unique('StopTransaction').length, 1, 'StopTransactions, resends of the same removed');
}

/** Readings of a transaction: the times in them go up by the interval, however late they were sent. */
function judgeSamples(rig, transactionId, from, atLeast) {
    const mine = rig.since(from, 'MeterValues').filter((call) => call.payload.transactionId === transactionId);
    const values = mine.flatMap((call) => call.payload.meterValue);
    expect(values.length >= atLeast, `${values.length} readings, at least ${atLeast} expected`);
    const times = values.map((value) => Date.parse(value.timestamp));
    const gaps = times.slice(1).map((time, i) => time - times[i]);
    expect(gaps.every((gap) => Math.abs(gap - SAMPLE_S * 1000) <= SAMPLE_SLACK_MS), `ms between readings: ${gaps}`);
    for (const sample of values.flatMap((value) => value.sampledValue)) {
        expect([undefined, 'Sample.Periodic'].includes(sample.context), `context ${sample.context}`);
        expect([undefined, 'Raw'].includes(sample.format), `format ${sample.format}`);
    }
}

async function connectionLoss(rig) {
    await rig.configure({MeterValueSampleInterval: SAMPLE_S});
    const {transactionId} = await rig.charge();
    await rig.next(message('MeterValues', {transactionId}));
    const from = rig.calls.length - 1;
    await rig.disconnect();
    const end = now() + 3.5 * SAMPLE_S;
    await until(() => now() > end, 'some intervals', LIMIT_MS);
    await rig.reconnect();
    await rig.next(message('MeterValues', {transactionId}));
    const back = Date.now(); // all that was measured before now has to come, in order, then what is measured next
    await rig.next({...message('MeterValues', {transactionId}), fits: (call) => call.action === 'MeterValues' &&
        Date.parse(call.payload.meterValue.at(-1).timestamp) > back});
    judgeSamples(rig, transactionId, from, 5);
    same(rig.since(from, 'BootNotification'), [], 'a lost connection is no boot');
}

async function idle(rig) {
    await rig.configure({HeartbeatInterval: 1});
    await rig.disconnect();
    await rig.reconnect();
    await rig.next(heartbeat);
    same(rig.since(rig.at - 1, 'BootNotification'), [], 'a lost connection is no boot');
    await rig.charge();
}

const OFFLINE = {LocalAuthorizeOffline: true, AllowOfflineTxForUnknownId: true, LocalPreAuthorize: false};

/** Plug, card, power: with nobody to ask. */
async function startOffline(rig, idTag) {
    await rig.disconnect();
    rig.sim.events.skip();
    rig.plug();
    await until(async () => (await rig.station.outlet()).plugged, 'plugged in');
    rig.card(idTag);
    await rig.station.waitPower();
}

async function offlineStart(rig) {
    await rig.configure(OFFLINE);
    await startOffline(rig, 'TAG');
    await rig.reconnect();
    await rig.any(start({idTag: 'TAG', connectorId: 1}), status('Charging'));
    same(rig.since(0, 'Authorize'), [], 'Authorize for a transaction that runs');
}

async function offlineInvalid(rig, stops) {
    rig.tags.LOST = {status: 'Invalid'};
    await rig.configure({...OFFLINE, StopTransactionOnInvalidId: stops});
    await startOffline(rig, 'LOST');
    await rig.reconnect();
    const call = await rig.next(start({idTag: 'LOST'}));
    const transactionId = rig.transactionOf(call);
    if (stops) {
        await rig.any(stop('DeAuthorized', {transactionId}), status('Finishing'));
        return;
    }
    await rig.next(status('SuspendedEVSE'));
    await rig.never(stop());
    await rig.accepted('RemoteStopTransaction', {transactionId});
    await rig.any(stop('Remote', {transactionId}), status('Finishing'));
}

async function offlineStop(rig) {
    const {transactionId} = await rig.charge('TAG');
    await rig.disconnect();
    rig.sim.events.skip();
    rig.card('TAG');
    await rig.sim.events.next((e) => e.event === 'power' && e.power_mW === 0, 'power ends', LIMIT_MS);
    await rig.reconnect();
    await rig.any(stop(undefined, {transactionId, reason: /^(Local|undefined)$/}), status('Finishing'));
}

async function offlineTransaction(rig) {
    await rig.configure(OFFLINE);
    await startOffline(rig, 'TAG');
    rig.card('TAG');
    await rig.sim.events.next((e) => e.event === 'power' && e.power_mW === 0, 'power ends', LIMIT_MS);
    rig.unplug();
    await until(async () => !(await rig.station.outlet()).plugged, 'unplugged');
    await rig.reconnect();
    const call = await rig.next(start({idTag: 'TAG', connectorId: 1}));
    await rig.next(stop(undefined, {transactionId: rig.transactionOf(call), reason: /^(Local|undefined)$/}));
}

async function powerFailure(rig) {
    const {transactionId, call} = await rig.charge();
    await rig.powerCut();
    rig.powerUp();
    const [, , , stopped] = await rig.any(boot, status('Available', 0), status('Finishing'), stop('PowerLoss', {transactionId}));
    expect(stopped.payload.meterStop >= call.payload.meterStart, `meterStop ${stopped.payload.meterStop} is below meterStart`);
}

async function powerFailureUnavailable(rig) {
    const all = [0, 1, 2].map((connector) => status('Unavailable', connector));
    await rig.accepted('ChangeAvailability', {connectorId: 0, type: 'Inoperative'});
    await rig.any(...all);
    await rig.powerCut();
    rig.powerUp();
    await rig.any(boot, ...all);
}

export const cases = [
    {id: 'TC_001_CS', title: 'Cold boot, refused once', begins: false, run: (rig) => registerSecondTime(rig, 'Rejected')},
    {id: 'TC_002_CS', title: 'Cold boot, pending first, configured meanwhile', begins: false, run: (rig) =>
        registerSecondTime(rig, 'Pending', async () => {
            await rig.ask('GetConfiguration', {key: ['MeterValueSampleInterval']}, (a) => a.configurationKey?.length === 1);
            await rig.configure({MeterValueSampleInterval: 20});
        })},
    {id: 'TC_013_CS', title: 'Hard reset without a transaction; an unavailable connector stays so', connectors: 2,
        run: (rig) => reset(rig, 'Hard')},
    {id: 'TC_014_CS', title: 'Soft reset without a transaction; an unavailable connector stays so', connectors: 2,
        run: (rig) => reset(rig, 'Soft')},
    {id: 'TC_015_CS', title: 'Hard reset in a transaction', connectors: 2, run: (rig) => resetInTransaction(rig, 'Hard')},
    {id: 'TC_016_CS', title: 'Soft reset in a transaction', connectors: 2, run: (rig) => resetInTransaction(rig, 'Soft')},
    {id: 'TC_032_1_CS', title: 'Power failure, transactions end before the charge point goes down',
        none: 'There is no back-up supply to end a transaction with: it is ended at the next boot (TC_032_2_CS)'},
    {id: 'TC_032_2_CS', title: 'Power failure, transactions end at the next boot', run: powerFailure},
    {id: 'TC_034_CS', title: 'Power failure while unavailable', connectors: 2, run: powerFailureUnavailable},
    {id: 'TC_035_CS', title: 'Connection lost and found while idle', run: idle,
        note: 'Not in the 2025 document; steps derived from OCPP-J 5.3 and 5.4'},
    {id: 'TC_036_CS', title: 'Connection lost in a transaction: no reading is missing', run: connectionLoss},
    {id: 'TC_037_1_CS', title: 'Start while offline, tag valid', run: offlineStart},
    {id: 'TC_037_2_CS', title: 'Start while offline, tag invalid, transaction goes on without energy',
        run: (rig) => offlineInvalid(rig, false)},
    {id: 'TC_037_3_CS', title: 'Start while offline, tag invalid, transaction ends', run: (rig) => offlineInvalid(rig, true)},
    {id: 'TC_038_CS', title: 'Stop while offline', run: offlineStop},
    {id: 'TC_039_CS', title: 'Whole transaction while offline', run: offlineTransaction},
];

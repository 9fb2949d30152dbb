// SPDX-License-Identifier: MIT
// The shipped daemon through a whole session against npm ocpp-rpc in strictMode: no invalid frame in either direction, every
// command of this version, and the energy: register against the simulated integral, bill against the register.
import {Central, Station, check, equal, main, sleep} from './lib.mjs';

const CHARGE_MS = 6000;
const MJ_PER_WH = 3600000;

async function boot(central, station) {
    const boot = await central.wait('BootNotification');
    equal(boot.payload.chargePointVendor, 'Holdfast', 'vendor');
    const zero = await central.wait('StatusNotification', (p) => p.connectorId === 0);
    equal([zero.payload.status, zero.payload.errorCode], ['Available', 'NoError'], 'status of the station');
    await central.waitStatus('Available');
    equal((await station.status()).registration, 'accepted', 'registration on the status page');
}

async function configure(central) {
    const change = (key, value) => central.call('ChangeConfiguration', {key, value});
    equal(await change('MeterValueSampleInterval', '1'), {status: 'Accepted'}, 'a number');
    equal(await change('MeterValueSampleInterval', '-1'), {status: 'Rejected'}, 'out of range');
    equal(await change('NumberOfConnectors', '2'), {status: 'Rejected'}, 'read-only');
    equal(await change('NoSuchKey', '1'), {status: 'NotSupported'}, 'unknown key');
    equal(await change('WebSocketPingInterval', '30'), {status: 'Accepted'}, 'in force at once');
    const asked = await central.call('GetConfiguration', {key: ['MeterValueSampleInterval', 'NoSuchKey']});
    equal(asked, {configurationKey: [{key: 'MeterValueSampleInterval', readonly: false, value: '1'}],
        unknownKey: ['NoSuchKey']}, 'the keys asked for');
    const all = await central.call('GetConfiguration');
    const names = all.configurationKey.map((each) => each.key);
    equal(names.length, new Set(names).size, 'each key once');
    for (const key of ['AuthorizeRemoteTxRequests', 'ConnectorPhaseRotation', 'HeartbeatInterval', 'ResetRetries',
        'StopTransactionOnInvalidId', 'TransactionMessageAttempts', 'SupportedFeatureProfiles']) {
        check(names.includes(key), `required key ${key} is missing`);
    }
}

async function refusals(central) {
    const refused = async (action, payload, code) => {
        const error = await central.call(action, payload).catch((caught) => caught);
        equal(error.rpcErrorCode ?? error, code, `${action} ${JSON.stringify(payload)}`);
    };
    equal(await central.call('ClearCache'), {status: 'Accepted'}, 'the cache, which is enabled');
    const profile = {connectorId: 1, csChargingProfiles: {chargingProfileId: 1, stackLevel: 0,
        chargingProfilePurpose: 'TxDefaultProfile', chargingProfileKind: 'Relative',
        chargingSchedule: {chargingRateUnit: 'A', chargingSchedulePeriod: [{startPeriod: 0, limit: 6}]}}};
    equal(await central.call('SetChargingProfile', profile), {status: 'Accepted'}, 'a charging profile');
    equal(await central.call('ClearChargingProfile', {id: 1}), {status: 'Accepted'}, 'and without it again');
    await refused('GetLog', {log: {remoteLocation: 'ftp://x'}, logType: 'DiagnosticsLog', requestId: 1}, 'NotSupported');
    equal(await central.call('GetLocalListVersion'), {listVersion: 0}, 'an empty list');
    equal(await central.call('UnlockConnector', {connectorId: 3}), {status: 'NotSupported'}, 'no such connector');
    equal(await central.call('RemoteStopTransaction', {transactionId: 4711}), {status: 'Rejected'}, 'no such transaction');
    equal(await central.call('DataTransfer', {vendorId: 'x'}), {status: 'UnknownVendorId'}, 'DataTransfer');
}

/** The strict server does not let an unknown action out: it goes as a raw frame. */
async function unknownAction(central) {
    const id = 'unknown-1';
    central.client.sendRaw(JSON.stringify([2, id, 'DanceTheTango', {}]));
    let answer;
    for (let i = 0; i < 100 && !answer; i++) {
        await sleep(20);
        answer = central.frames.map((frame) => JSON.parse(frame.text)).find((f) => f[0] !== 2 && f[1] === id);
    }
    equal(answer?.slice(0, 3), [4, id, 'NotImplemented'], 'an action nobody knows');
    const own = central.invalid.splice(0); // the server did not know of this CALL of ours
    equal(own, [`bad message: Received CALLERROR for unrecognised message ID: ${id}`], 'what the server says of it');
}

async function triggers(central) {
    const trigger = (requestedMessage, connectorId) =>
        central.call('TriggerMessage', {requestedMessage, ...(connectorId === undefined ? {} : {connectorId})});
    equal(await trigger('Heartbeat'), {status: 'Accepted'}, 'trigger Heartbeat');
    await central.wait('Heartbeat');
    equal(await trigger('StatusNotification', 1), {status: 'Accepted'}, 'trigger StatusNotification');
    await central.waitStatus('Available');
    equal(await trigger('MeterValues', 1), {status: 'Accepted'}, 'trigger MeterValues');
    const meter = await central.wait('MeterValues');
    equal(meter.payload.transactionId, undefined, 'no transaction, none in the reading');
    equal(meter.payload.meterValue[0].sampledValue[0].context, 'Trigger', 'context');
    equal(await trigger('BootNotification'), {status: 'Rejected'}, 'accepted already');
    equal(await trigger('FirmwareStatusNotification'), {status: 'Accepted'}, 'a firmware status');
    equal(await trigger('StatusNotification', 9), {status: 'Rejected'}, 'no such connector');
}

async function availability(central) {
    const change = (type) => central.call('ChangeAvailability', {connectorId: 1, type});
    equal(await change('Inoperative'), {status: 'Accepted'}, 'Inoperative');
    await central.waitStatus('Unavailable');
    equal(await central.call('RemoteStartTransaction', {idTag: 'TAG', connectorId: 1}), {status: 'Rejected'}, 'unavailable');
    equal(await change('Operative'), {status: 'Accepted'}, 'Operative');
    await central.waitStatus('Available');
}

async function readings(station) {
    const outlet = await station.outlet();
    const connector = (await station.status()).connectors[0];
    return {energy_mJ: outlet.energy_mJ, register_mJ: connector.register_mJ, state: connector.state};
}

async function session(central, station) {
    const before = await readings(station);
    station.sim.tell('plug 1');
    await central.waitStatus('Preparing');
    equal(await central.call('RemoteStartTransaction', {idTag: 'TAG', connectorId: 1}), {status: 'Accepted'}, 'remote start');
    const start = await central.wait('StartTransaction');
    equal([start.payload.connectorId, start.payload.idTag], [1, 'TAG'], 'who and where');
    await central.waitStatus('Charging');
    await station.waitPower();
    const charging = await central.call('UnlockConnector', {connectorId: 2});
    equal(charging, {status: 'NotSupported'}, 'unlock of another connector while charging');
    await sleep(CHARGE_MS);
    const transactionId = central.transactions.get(start.id);
    equal(await central.call('RemoteStopTransaction', {transactionId}), {status: 'Accepted'}, 'remote stop');
    const stop = await central.wait('StopTransaction');
    equal([stop.payload.transactionId, stop.payload.reason], [transactionId, 'Remote'], 'what ended, and why');
    await central.untilStatus('Finishing');
    equal(await central.call('UnlockConnector', {connectorId: 1}), {status: 'Unlocked'}, 'unlock after the session');
    station.sim.tell('unplug 1');
    await central.waitStatus('Available');
    judgeEnergy(before, await readings(station), stop.payload.meterStop - start.payload.meterStart);
    judgeOrder(central, transactionId);
}

function judgeEnergy(before, after, billed_Wh) {
    const integral = after.energy_mJ - before.energy_mJ;
    const register = after.register_mJ - before.register_mJ;
    console.log(`energy: simulated ${integral} mJ, register ${register} mJ (${((register / integral - 1) * 100).toFixed(3)} %), ` +
        `billed ${billed_Wh} Wh`);
    check(integral > 2 * MJ_PER_WH, `too little energy to judge: ${integral} mJ`);
    check(Math.abs(register - integral) <= integral / 100, 'the register is more than 1 % off the integral');
    check(Math.abs(billed_Wh - register / MJ_PER_WH) <= 1, 'the bill is more than 1 Wh off the register');
    equal(after.state, 'Available', 'state on the status page');
}

/** Start, readings that grow, stop; each acknowledged before the next was sent. */
function judgeOrder(central, transactionId) {
    const mine = central.calls.all.filter((call) => call.action === 'StartTransaction' || call.payload.transactionId === transactionId);
    const kinds = mine.map((call) => call.action);
    equal([kinds[0], kinds.at(-1)], ['StartTransaction', 'StopTransaction'], 'first and last message');
    const meters = mine.filter((call) => call.action === 'MeterValues');
    check(meters.length >= 5 && meters.length <= 9, `${meters.length} MeterValues in about 7 s at one a second`);
    equal(kinds.length, meters.length + 2, 'nothing else of that transaction');
    const energies = meters.map((call) => Number(call.payload.meterValue[0].sampledValue
        .find((sample) => (sample.measurand ?? 'Energy.Active.Import.Register') === 'Energy.Active.Import.Register').value));
    const bounds = [mine[0].payload.meterStart, ...energies, mine.at(-1).payload.meterStop];
    check(bounds.every((value, i) => i === 0 || value >= bounds[i - 1]), `energies go back: ${bounds}`);
    const times = [mine[0].payload.timestamp, ...meters.map((call) => call.payload.meterValue[0].timestamp), mine.at(-1).payload.timestamp]
        .map(Date.parse);
    check(times.every((value, i) => i === 0 || value >= times[i - 1]), `times go back: ${times}`);
    check(Math.abs(times[0] - Date.now()) < 60000, 'the time of the start is not of today');
}

function judgeFrames(central) {
    let outstanding = null;
    for (const {text, outbound} of central.frames) {
        const [type, id] = JSON.parse(text);
        if (!outbound && type === 2) {
            check(outstanding === null, `a second CALL (${id}) while ${outstanding} was outstanding`);
            outstanding = id;
        } else if (outbound && id === outstanding) {
            outstanding = null;
        }
    }
    equal(central.invalid, [], 'invalid frames');
}

/** A reset during a session: answered, the session ended with its reason, the daemon back by itself or ended in order. */
async function reset(central, station) {
    station.sim.tell('plug 1');
    await central.waitStatus('Preparing');
    equal(await central.call('RemoteStartTransaction', {idTag: 'TAG', connectorId: 1}), {status: 'Accepted'}, 'remote start');
    await central.waitStatus('Charging');
    equal(await central.call('Reset', {type: 'Soft'}), {status: 'Accepted'}, 'reset');
    const stop = await central.wait('StopTransaction');
    equal(stop.payload.reason, 'SoftReset', 'why it ended');
    await central.wait('BootNotification');
    await central.untilStatus('Finishing');
    station.sim.tell('unplug 1');
    await central.waitStatus('Available');
}

await main('session', async () => {
    const central = new Central();
    await central.listen();
    const station = new Station();
    await station.startSim();
    station.startDaemon(central.url);
    await boot(central, station);
    await configure(central);
    await refusals(central);
    await unknownAction(central);
    await triggers(central);
    await availability(central);
    await session(central, station);
    await reset(central, station);
    judgeFrames(central);
    const outlet = await station.outlet();
    equal(outlet.hot_openings, 0, 'the contactor never opened under load');
    await station.end();
    await central.close();
});

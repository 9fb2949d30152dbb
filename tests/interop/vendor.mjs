// SPDX-License-Identifier: MIT
// Vendor messages of the shipped daemon through sessions, an outage and a restart, against npm ocpp-rpc in strictMode: what
// the simulated vehicle and its ends make of them, and that nobody gets any who did not ask.
import {Central, Station, check, equal, main, sleep, until} from './lib.mjs';

const KINDS = 'VehicleInfo,SessionSummary,BMSAlert,SystemAlert';
const VENDOR = 'RivotMotors'; // as the product of the source documents calls itself

function sent(central, messageId) {
    const calls = central.unique('DataTransfer').filter((call) => call.payload.messageId === messageId);
    calls.forEach((call) => equal(call.payload.vendorId, VENDOR, 'vendor'));
    return calls.map((call) => JSON.parse(call.payload.data));
}

async function plugAndStart(central, station) {
    station.sim.tell('plug 1');
    await central.untilStatus('Preparing');
    await until(() => sent(central, 'VehicleInfo').length > 0, 'VehicleInfo');
    equal(await central.call('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'}), {status: 'Accepted'}, 'remote start');
    await station.waitPower();
}

async function silentByDefault(central, station) {
    station.sim.tell('plug 1');
    await central.waitStatus('Preparing');
    await sleep(4500); // VehicleInfo would come after 3 s
    station.sim.tell('unplug 1');
    await central.waitStatus('Available');
    equal(central.unique('DataTransfer').length, 0, 'vendor messages nobody asked for');
}

async function configure(central) {
    for (const [key, value] of [['VendorId', VENDOR], ['VendorMessages', KINDS], ['TelemetryInterval', '1']]) {
        equal(await central.call('ChangeConfiguration', {key, value}), {status: 'Accepted'}, key);
    }
    equal(await central.call('ChangeConfiguration', {key: 'VendorMessages', value: 'Everything'}), {status: 'Rejected'}, 'a kind there is not');
}

async function incoming(central) {
    const ask = (messageId, more = {}) => central.call('DataTransfer', {vendorId: VENDOR, messageId, ...more});
    equal(await central.call('DataTransfer', {vendorId: 'Holdfast'}), {status: 'UnknownVendorId'}, 'the name it had before');
    equal(await ask('Dance'), {status: 'UnknownMessageId'}, 'an unknown message');
    const status = await ask('ChargerStatus', {data: JSON.stringify({connector: 1})});
    equal([status.status, JSON.parse(status.data).ready], ['Accepted', true], 'ChargerStatus');
    equal(await ask('ChargerStatus', {data: '{"connector":9}'}), {status: 'Rejected'}, 'a connector there is not');
    const vehicle = await ask('VehicleInfo');
    equal(vehicle.status, 'Accepted', 'VehicleInfo asked for');
}

function judgeSummary(central, summary, what) {
    const stop = central.unique('StopTransaction').at(-1).payload;
    const start = central.unique('StartTransaction').at(-1).payload;
    equal([summary.txId, summary.stopReason], [stop.transactionId, stop.reason], `${what}: which session`);
    equal(summary.energyDeliveredWh, stop.meterStop - start.meterStart, `${what}: energy`);
    check(Number.isInteger(summary.durationMinutes) && !Number.isNaN(Date.parse(summary.timestamp)), `${what}: times`);
    check(summary.finalSoc > 0 && summary.finalSoc <= 100, `${what}: finalSoc ${summary.finalSoc}`);
}

async function session(central, station) {
    await plugAndStart(central, station);
    const [vehicle] = sent(central, 'VehicleInfo');
    check(vehicle.soc > 0 && vehicle.maxCurrent > 0, `VehicleInfo ${JSON.stringify(vehicle)}`);
    check(['Classic', 'Pro', 'Max'].includes(vehicle.model) && vehicle.range > 0, `model and range of ${JSON.stringify(vehicle)}`);
    await incoming(central);
    await until(() => sent(central, 'LiveTelemetry').length >= 3, 'three LiveTelemetry');
    const live = sent(central, 'LiveTelemetry').at(-1);
    check(live.v > 50 && live.i > 0 && live.p > 0 && live.s > 0 && live.e >= 0, `LiveTelemetry ${JSON.stringify(live)}`);
    await central.call('RemoteStopTransaction', {transactionId: central.unique('StartTransaction').length});
    await until(() => sent(central, 'SessionSummary').length === 1, 'SessionSummary');
    judgeSummary(central, sent(central, 'SessionSummary')[0], 'online');
    const order = central.calls.all.filter((call) => call.payload.messageId === 'SessionSummary' || call.action === 'StopTransaction');
    equal(order.map((call) => call.action), ['StopTransaction', 'DataTransfer'], 'order');
    station.sim.tell('unplug 1');
    await central.untilStatus('Available');
    equal(sent(central, 'VehicleInfo').length, 1, 'VehicleInfo of one plug-in');
}

/** The emergency stop while the central system is away, then a kill: both messages come after all. */
async function awayAndKilled(central, station) {
    await plugAndStart(central, station);
    await sleep(1500);
    await central.close();
    await until(async () => (await station.status()).link !== 'open', 'the link down');
    station.sim.tell('estop on');
    await until(async () => (await station.status()).sessions_ended === 2, 'the end of the session');
    await sleep(500);
    await station.daemon.end('SIGKILL', 'SIGKILL');
    await central.listen(central.port);
    station.startDaemon(central.url);
    await until(() => sent(central, 'SessionSummary').length === 2, 'the summary after the kill', 60000);
    judgeSummary(central, sent(central, 'SessionSummary')[1], 'offline');
    equal(sent(central, 'SessionSummary')[1].stopReason, 'EmergencyStop', 'why it ended');
    const alerts = await until(() => sent(central, 'SystemAlert').filter((each) => each.alertType === 'EMERGENCY_STOP'), 'the alert');
    check(alerts.length >= 1 && alerts.every((each) => each.severity === 'Critical'), `alerts ${JSON.stringify(alerts)}`);
}

await main('vendor', async () => {
    const central = new Central();
    await central.listen();
    const station = new Station();
    await station.startSim();
    station.startDaemon(central.url);
    await central.waitStatus('Available');
    await silentByDefault(central, station);
    await configure(central);
    await session(central, station);
    await awayAndKilled(central, station);
    equal(central.invalid, [], 'frames that are not valid');
    await station.end();
    await central.close();
});

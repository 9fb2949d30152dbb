// SPDX-License-Identifier: MIT
// The daemon through a day with everything in it, by the project's own programs only (no npm module): a reconnect and a
// kill -9 in mid-session, an emergency stop, an orderly end. Also run under ThreadSanitizer: limits are generous.
import {Program, Station, check, equal, main, now, sleep, until} from './lib.mjs';

const STOPPED_S = 0.500 + 0.030; // power after a dead daemon: the promise, and the simulated contactor's drop time
const SLOW_S = 1.5; // a sanitizer's daemon may be late to see the emergency stop, the contactor is not

async function startSession(station, csms) {
    csms.tell('remote-start CP1 1 TAG');
    const start = await csms.wait('start');
    await station.waitPower();
    await csms.wait('meter', {transactionId: start.transactionId});
    return start;
}

async function plug(station, csms) {
    station.sim.tell('plug 1');
    await csms.wait('status', {connector: 1, status: 'Preparing'});
}

async function unplug(station, csms) {
    station.sim.tell('unplug 1');
    await csms.wait('status', {connector: 1, status: 'Available'});
}

/** The last power told is 0, and was so from since + limit_s on. */
function judgeOff(station, since, limit_s, why) {
    const last = station.sim.events.all.findLast((e) => e.event === 'power');
    const took = last.t - since;
    check(last.power_mW === 0 && took <= limit_s, `${why}: ${last.power_mW} mW, ${took} s after it`);
    console.log(`${why}: power 0 after ${Math.max(0, took).toFixed(3)} s`);
}

async function reconnectInSession(station, csms) {
    await plug(station, csms);
    const start = await startSession(station, csms);
    const from = station.sim.events.all.length;
    csms.tell('disconnect CP1');
    await csms.wait('disconnected');
    await csms.wait('connected');
    await csms.wait('meter', {transactionId: start.transactionId});
    const off = station.sim.events.all.slice(from).filter((e) => e.event === 'power' && e.power_mW === 0);
    equal(off, [], 'a lost connection ended the power');
    equal((await station.status()).connectors[0].state, 'Charging', 'state after the reconnect');
    return start;
}

async function killInSession(station, csms, url, start) {
    const killed = now();
    await station.daemon.end('SIGKILL', 'SIGKILL');
    await sleep(STOPPED_S * 1000 + 200);
    judgeOff(station, killed, STOPPED_S, 'kill -9');
    station.startDaemon(url);
    const stop = await csms.wait('stop');
    equal([stop.transactionId, stop.reason], [start.transactionId, 'PowerLoss'], 'what ended with the kill');
    check(stop.meter_Wh >= start.meter_Wh, `meterStop ${stop.meter_Wh} is below meterStart ${start.meter_Wh}`);
    await unplug(station, csms);
}

async function emergencyStop(station, csms) {
    await plug(station, csms);
    await startSession(station, csms);
    const pressed = now();
    const from = csms.events.all.length;
    station.sim.tell('estop on');
    equal((await csms.wait('stop')).reason, 'EmergencyStop', 'why it ended');
    const isFaulted = (e) => e.event === 'status' && e.connector === 1 && e.status === 'Faulted';
    await until(() => csms.events.all.slice(from).some(isFaulted), 'StatusNotification Faulted');
    judgeOff(station, pressed, SLOW_S, 'emergency stop');
    check((await station.status()).estop_latched, 'the emergency stop is not latched');
    station.sim.tell('unplug 1');
    station.sim.tell('estop off');
    await sleep(1000);
    check((await station.status()).estop_latched, 'the button let go reset the latch');
    station.sim.tell('reset on'); // by whoever stands before it, for 3 s
    await sleep(3500);
    station.sim.tell('reset off');
    await csms.wait('status', {connector: 1, status: 'Available'});
    check(!(await station.status()).estop_latched, 'the latch outlived the reset');
}

async function lastSession(station, csms) {
    await plug(station, csms);
    await startSession(station, csms);
    csms.tell('remote-stop CP1');
    equal((await csms.wait('stop')).reason, 'Remote', 'a session after the emergency stop');
    await unplug(station, csms);
}

async function judgeLedger(csms) {
    const from = csms.events.all.length;
    csms.tell('ledger');
    const ledger = await csms.wait('ledger');
    equal([ledger.starts, ledger.stops, ledger.conflicts, ledger.invalid], [3, 3, 0, 0], 'starts, stops, conflicts, invalid');
    const billed = csms.events.all.slice(from).filter((e) => e.event === 'entry' && e.kind !== 'meter');
    equal(billed.map((e) => e.kind), ['start', 'stop', 'start', 'stop', 'start', 'stop'], 'order of what was billed');
    const ids = billed.map((e) => e.transactionId);
    equal([ids[0], ids[2], ids[4]], [ids[1], ids[3], ids[5]], 'each stop is of the start before it');
    equal(new Set(billed.map((e) => e.id)).size, billed.length, 'message ids differ');
}

await main('daemon_session', async () => {
    const station = new Station({settings: ['MeterValueSampleInterval=1']});
    const csms = new Program('holdfast', ['csms', '--port', '0']);
    const url = `ws://127.0.0.1:${(await csms.wait('listening')).port}/ocpp`;
    await station.startSim();
    station.startDaemon(url);
    await csms.wait('status', {connector: 1, status: 'Available'});
    const start = await reconnectInSession(station, csms);
    await killInSession(station, csms, url, start);
    await emergencyStop(station, csms);
    await lastSession(station, csms);
    await judgeLedger(csms);
    await station.end(); // SIGTERM leads to exit status 0
    await csms.end();
});

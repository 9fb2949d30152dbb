// SPDX-License-Identifier: MIT
// kill -9 of the shipped daemon at random moments of a session, the same state directory again, and the bill: after removing
// duplicates by message id exactly one StartTransaction and one StopTransaction each, resends identical to the byte, energy
// lost at most one checkpoint. After each kill, and after SIGSTOP, the simulated power is 0 in time.
// Usage: kill.mjs [--iterations N] [--seed S]. What happens in iteration i depends on the seed and i alone.
import {Central, Station, check, equal, main, now, random, sleep, until} from './lib.mjs';

const MJ_PER_WH = 3600000;
const POWER_OFF_S = 0.500 + 0.030; // and the contactor's drop-out time
const CHECKPOINT_WH = 50;
const CHECKPOINT_S = 60;
const ROUNDING_WH = 1; // meterStart and meterStop are whole Wh
const LANES = 2;

function readArguments() {
    const options = {iterations: 30, seed: 1};
    const words = process.argv.slice(2);
    for (let i = 0; i < words.length; i += 2) {
        const name = words[i].replace(/^--/, '');
        if (!(name in options) || !/^\d+$/.test(words[i + 1] ?? '')) {
            console.error('Usage: kill.mjs [--iterations N] [--seed S]');
            process.exit(2);
        }
        options[name] = Number(words[i + 1]);
    }
    return options;
}

/** What iteration i is: when the session is to end, and when the daemon dies. */
function makePlan(seed, i) {
    const next = random(seed * 100003 + i);
    const end_ms = 900 + Math.floor(next() * 1100);
    const kill_ms = Math.floor(next() * (end_ms + 700));
    const moments = ['time', 'StartTransaction', 'time', 'time', 'StopTransaction', 'time'];
    return {i, end_ms, kill_ms, moment: moments[i % moments.length], freeze: i % 5 === 3,
        ending: ['remote', 'unplug', 'card'][Math.floor(next() * 3)]};
}

const describe = (plan) => `iteration ${plan.i}: ${plan.freeze ? 'SIGSTOP, then ' : ''}kill ` +
    (plan.moment === 'time' ? `${plan.kill_ms} ms after the remote start` : `when ${plan.moment} arrives`) +
    `, ending by ${plan.ending} after ${plan.end_ms} ms`;

/** A station with its own central system, and what they bill. */
class Lane {
    worst_s = 0;
    lost_Wh = 0;

    constructor(number, settings) {
        this.station = new Station({id: `KILL${number}`, settings});
        this.central = new Central();
    }

    async start() {
        await this.central.listen();
        await this.station.startSim();
        await this.boot();
    }

    async boot() {
        this.station.startDaemon(this.central.url);
        await this.central.wait('BootNotification');
    }

    /** Everything delivered, nothing plugged in: the outlet's lifelong energy. */
    async settle() {
        await until(async () => {
            const status = await this.station.status();
            return status.registration === 'accepted' && status.link === 'open' && status.queue === 0;
        }, 'an empty queue');
        this.station.sim.tell('unplug 1');
        await until(async () => (await this.station.status()).connectors[0].state === 'Available', 'Available');
        return (await this.station.outlet()).energy_mJ;
    }

    /** Dies now; judges how long there was power, and that there is none again. */
    async kill(plan) {
        const {station} = this;
        const killed = now();
        station.daemon.signal(plan.freeze ? 'SIGSTOP' : 'SIGKILL');
        const power_mW = station.powerAt(killed);
        await sleep(POWER_OFF_S * 1000 + 100);
        const after = station.sim.events.all.filter((e) => e.event === 'power' && e.t > killed);
        const off = after.find((e) => e.power_mW === 0);
        const took_s = power_mW > 0 ? (off?.t ?? Infinity) - killed : 0;
        this.worst_s = Math.max(this.worst_s, took_s);
        check(took_s <= POWER_OFF_S, `${describe(plan)}: ${power_mW} mW for another ${took_s} s`);
        const again = after.find((e) => e.power_mW > 0 && e.t > killed + POWER_OFF_S);
        check(!again, `${describe(plan)}: power again at ${again?.t}, killed at ${killed}`);
        station.daemon.signal('SIGKILL');
        await station.daemon.ended;
        this.recorded = /start recorded/.test(station.daemon.stderr.slice(this.log_at));
    }

    bills() {
        return {starts: this.central.unique('StartTransaction'), stops: this.central.unique('StopTransaction')};
    }

    /** What one session left behind: nothing, or one start and one stop, at most a checkpoint short. */
    judge(plan, before, delivered_mJ, limit_Wh) {
        const after = this.bills();
        const starts = after.starts.slice(before.starts.length);
        const stops = after.stops.slice(before.stops.length);
        const delivered_Wh = delivered_mJ / MJ_PER_WH;
        equal(starts.length, stops.length, `${describe(plan)}: starts and stops`);
        check(starts.length <= 1, `${describe(plan)}: ${starts.length} starts of one session`);
        check(starts.length === 1 || delivered_mJ === 0, `${describe(plan)}: ${delivered_Wh} Wh without a bill`);
        check(starts.length === 1 || !this.recorded, `${describe(plan)}: a recorded start was never billed`);
        if (starts.length !== 1 || stops.length !== 1) {
            return null;
        }
        const id = this.central.transactions.get(starts[0].id);
        equal(stops[0].payload.transactionId, id, `${describe(plan)}: the transaction that stopped`);
        const billed_Wh = stops[0].payload.meterStop - starts[0].payload.meterStart;
        const lost_Wh = delivered_Wh - billed_Wh;
        this.lost_Wh = Math.max(this.lost_Wh, lost_Wh);
        check(lost_Wh <= limit_Wh + ROUNDING_WH, `${describe(plan)}: ${lost_Wh} Wh lost, at most ${limit_Wh}`);
        check(lost_Wh >= -ROUNDING_WH, `${describe(plan)}: ${-lost_Wh} Wh billed that never flowed`);
        const last = before.stops.at(-1)?.payload.meterStop ?? 0;
        check(starts[0].payload.meterStart >= last, `${describe(plan)}: the register went back`);
        return {delivered_Wh, billed_Wh, lost_Wh, reason: stops[0].payload.reason};
    }

    async begin() {
        this.log_at = this.station.daemon.stderr.length;
        this.station.sim.tell('plug 1');
        await this.central.untilStatus('Preparing');
        this.central.call('RemoteStartTransaction', {idTag: 'TAG', connectorId: 1}).catch(() => {}); // it may die meanwhile
    }

    end(plan) {
        if (plan.ending === 'remote') {
            const transactionId = this.central.transactions.get(this.central.unique('StartTransaction').at(-1)?.id);
            this.central.call('RemoteStopTransaction', {transactionId: transactionId ?? 0}).catch(() => {});
        } else {
            this.station.sim.tell(plan.ending === 'card' ? 'card 1 TAG' : 'unplug 1');
        }
    }

    /** When the daemon dies: after a time, or the moment a message arrives, before it is answered. */
    moment(plan) {
        if (plan.moment === 'time') {
            return sleep(plan.kill_ms);
        }
        return this.central.wait(plan.moment, () => {
            this.station.daemon.signal(plan.freeze ? 'SIGSTOP' : 'SIGKILL');
            return true;
        });
    }

    async iterate(plan) {
        const energy_mJ = await this.settle();
        const before = this.bills();
        this.central.calls.skip();
        await this.begin();
        const ending = setTimeout(() => this.end(plan), plan.end_ms);
        try {
            await this.moment(plan);
            await this.kill(plan);
        } finally {
            clearTimeout(ending);
        }
        await this.boot();
        const bill = this.judge(plan, before, await this.settle() - energy_mJ, CHECKPOINT_WH);
        console.log(`${describe(plan)}: ` + (bill === null ? 'nothing began' : `${bill.delivered_Wh.toFixed(2)} Wh delivered, ` +
            `${bill.billed_Wh} billed, ${bill.reason}`));
    }

    async close() {
        equal(this.central.invalid, [], 'invalid frames');
        await this.station.end();
        await this.central.close();
    }
}

/** A session longer than a checkpoint's time, without readings in between: the most that a kill may cost. */
async function longSession(seed) {
    const lane = new Lane('LONG', ['MeterValueSampleInterval=0']);
    await lane.start();
    const plan = {i: 'long', moment: 'time', kill_ms: Math.floor((CHECKPOINT_S + 3 + random(seed)() * 15) * 1000), ending: 'kill',
        end_ms: Infinity};
    const energy_mJ = await lane.settle();
    const before = lane.bills();
    await lane.begin();
    const marks = [];
    const end = now() + plan.kill_ms / 1000;
    while (now() < end) {
        marks.push({t: now(), mJ: (await lane.station.outlet()).energy_mJ});
        await sleep(500);
    }
    const checkpoint = marks.findLast((mark) => mark.t < now() - CHECKPOINT_S - 1);
    await lane.kill(plan);
    await lane.boot();
    const final_mJ = await lane.settle();
    const limit_Wh = Math.min(CHECKPOINT_WH, (final_mJ - checkpoint.mJ) / MJ_PER_WH);
    const bill = lane.judge(plan, before, final_mJ - energy_mJ, limit_Wh);
    check(bill?.billed_Wh > 0, 'a session of more than a checkpoint is billed');
    console.log(`a long session: ${bill?.delivered_Wh.toFixed(2)} Wh delivered, ${bill?.billed_Wh} billed, ` +
        `${bill?.lost_Wh.toFixed(2)} lost, at most ${limit_Wh.toFixed(2)}`);
    await lane.close();
    return lane;
}

async function runLane(number, plans) {
    const lane = new Lane(number, ['MeterValueSampleInterval=1']);
    await lane.start();
    for (let plan; (plan = plans.shift()) !== undefined;) {
        await lane.iterate(plan);
    }
    await lane.close();
    return lane;
}

function sum(lanes) {
    const calls = lanes.flatMap((lane) => lane.central.calls.all);
    const billing = (call) => call.action === 'StartTransaction' || call.action === 'StopTransaction';
    const sent = calls.filter(billing).length;
    const unique = lanes.reduce((count, lane) => count + lane.bills().starts.length + lane.bills().stops.length, 0);
    lanes.forEach((lane) => lane.central.unique('MeterValues'));
    console.log(`${unique / 2} sessions billed, ${sent - unique} resends, power off after ` +
        `${Math.max(...lanes.map((lane) => lane.worst_s)).toFixed(3)} s at the latest, ` +
        `${Math.max(...lanes.map((lane) => lane.lost_Wh)).toFixed(2)} Wh lost at most`);
    return sent - unique;
}

const {iterations, seed} = readArguments();
await main('kill', async () => {
    console.log(`${iterations} iterations, seed ${seed}`);
    const plans = Array.from({length: iterations}, (_, i) => makePlan(seed, i));
    const hurried = runLane(1, plans);
    const patient = longSession(seed).then(async (lane) => [lane, await runLane(LANES, plans)]);
    const lanes = [await hurried, ...(await patient)];
    const resends = sum(lanes);
    check(resends > 0 || iterations < 6, 'no message was ever sent twice: the kills came at harmless moments');
});

// SPDX-License-Identifier: MIT
// A central system on npm ocpp-rpc, strictly validating both directions, with a ledger of what was billed. The program that
// uses it must have asked need('ocpp-rpc') first.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Failure, until } from './lib.mjs';

const BILLING = new Set(['StartTransaction', 'MeterValues', 'StopTransaction']);

export class Central {
    constructor(RPCServer) {
        this.frames = []; // {out, type, id, action, payload, text}, in the order they passed
        this.violations = [];
        this.bad = [];
        this.ledger = new Map(); // message id -> {action, payload (text), answer, sent}
        this.conflicts = 0;
        this.nextTransaction = 1001;
        this.http = createServer((_, response) => response.writeHead(404).end());
        this.rpc = new RPCServer({ protocols: ['ocpp1.6'], strictMode: true, pingIntervalMs: 0, callTimeoutMs: 10000 });
        this.rpc.auth((accept) => accept());
        this.rpc.on('client', (client) => this.take(client));
        this.http.on('upgrade', this.rpc.handleUpgrade);
    }

    async listen() {
        this.http.listen(0, '127.0.0.1');
        await once(this.http, 'listening');
        this.port = this.http.address().port;
    }

    take(client) {
        this.client = client;
        client.on('message', ({ message, outbound }) => this.record(String(message), outbound));
        client.on('strictValidationFailure', ({ error, payload, outbound }) =>
            this.violations.push(`${outbound ? 'out' : 'in'}: ${error.message} ${JSON.stringify(error.details)} ${JSON.stringify(payload)}`));
        client.on('badMessage', ({ error, buffer }) => this.bad.push(`${error.message}: ${buffer}`));
        const now = () => new Date().toISOString();
        client.handle('BootNotification', () => ({ status: 'Accepted', currentTime: now(), interval: 300 }));
        client.handle('Heartbeat', () => ({ currentTime: now() }));
        client.handle('StatusNotification', () => ({}));
        client.handle('Authorize', () => ({ idTagInfo: { status: 'Accepted' } }));
        client.handle('MeterValues', (call) => this.bill(call, () => ({})));
        client.handle('StartTransaction', (call) => this.bill(call, () =>
            ({ transactionId: this.nextTransaction++, idTagInfo: { status: 'Accepted' } })));
        client.handle('StopTransaction', (call) => this.bill(call, () => ({ idTagInfo: { status: 'Accepted' } })));
    }

    record(text, out) {
        const [type, id, ...rest] = JSON.parse(text);
        const action = type === 2 ? rest[0] : undefined;
        this.frames.push({ out, type, id, action, payload: type === 2 ? rest[1] : rest[0], details: rest, text });
        if (type === 2 && !out && BILLING.has(action)) {
            this.note(id, action, text);
        }
    }

    /** A resend is the same bytes, or a conflict: the text is compared, not what it means. */
    note(id, action, text) {
        const known = this.ledger.get(id);
        if (known === undefined) {
            this.ledger.set(id, { id, action, text, payload: JSON.parse(text)[3], sent: 1 });
        } else {
            known.sent++;
            this.conflicts += known.text === text ? 0 : 1;
        }
    }

    bill({ messageId }, answer) {
        const entry = this.ledger.get(messageId);
        entry.answer ??= answer(); // a resend is answered as the first was
        return entry.answer;
    }

    billed(action) {
        return [...this.ledger.values()].filter((entry) => entry.action === action);
    }

    /** Transactions begun and not yet ended. */
    open() {
        const ended = new Set(this.billed('StopTransaction').map((stop) => stop.payload.transactionId));
        return this.billed('StartTransaction').map((start) => start.answer?.transactionId)
            .filter((id) => id !== undefined && !ended.has(id));
    }

    calls(action, fields = {}) {
        return this.frames.filter((frame) => !frame.out && frame.type === 2 && frame.action === action &&
            Object.entries(fields).every(([name, value]) => frame.payload[name] === value));
    }

    /** The next CALL of the station from frame `from` on. */
    async wait(action, fields = {}, from = 0, ms = 30000) {
        return until(() => this.calls(action, fields).find((frame) => this.frames.indexOf(frame) >= from),
            `${action} ${JSON.stringify(fields)}`, ms);
    }

    mark() {
        return this.frames.length;
    }

    async call(action, payload) {
        return this.client.call(action, payload);
    }

    /** A CALL that strict mode would not let out; resolves with the frame that answers it. */
    async raw(id, action, payload) {
        const from = this.mark();
        this.client.sendRaw(JSON.stringify([2, id, action, payload]));
        return until(() => this.frames.slice(from).find((frame) => !frame.out && frame.type !== 2 && frame.id === id),
            `an answer to ${action}`);
    }

    judge() {
        if (this.violations.length > 0) {
            throw new Failure(`strict validation: ${this.violations.join('\n')}`);
        }
    }

    async close() {
        await this.rpc.close({ force: true });
        this.http.close();
    }
}

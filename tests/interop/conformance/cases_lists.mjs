// SPDX-License-Identifier: MIT
// Local list, authorization cache and reservations: who may charge, where, until when.
import {authorize, expect, message, same, start, status} from './rig.mjs';

// ---- cache ----

/** The central system accepts the tag once, so that it is known from then on. */
async function cache(rig, idTag) {
    await rig.configure({AuthorizationCacheEnabled: true, LocalPreAuthorize: true, ConnectionTimeOut: 2});
    rig.card(idTag);
    await rig.any(authorize(idTag), status('Preparing'));
    await rig.next(status('Available'));
}

/** Known without asking: presented, plugged in, charging, and nobody was asked. */
async function startsUnasked(rig, idTag) {
    const from = rig.calls.length;
    rig.card(idTag);
    await rig.next(status('Preparing'));
    rig.plug();
    await rig.charging({idTag});
    same(rig.since(from, 'Authorize'), [], 'Authorize of a tag that is known');
}

async function cachedTag(rig) {
    await cache(rig, 'TAG');
    await startsUnasked(rig, 'TAG');
}

async function clearedCache(rig) {
    await cache(rig, 'TAG');
    await rig.accepted('ClearCache');
    rig.card('TAG');
    await rig.next(authorize('TAG'));
}

// ---- local list ----

const entry = (idTag, more = {}) => ({idTag, idTagInfo: {status: 'Accepted', ...more}});
const version = (rig, listVersion) => rig.ask('GetLocalListVersion', {}, {listVersion});
const send = (rig, listVersion, updateType, localAuthorizationList, answer = 'Accepted') =>
    rig.ask('SendLocalList', {listVersion, updateType, ...(localAuthorizationList ? {localAuthorizationList} : {})}, {status: answer});

async function listedTag(rig) {
    await rig.configure({LocalPreAuthorize: true, AuthorizationCacheEnabled: false, LocalAuthListEnabled: true});
    await rig.call('GetLocalListVersion');
    await send(rig, 1, 'Full', [entry('TAG')]);
    await startsUnasked(rig, 'TAG');
}

async function noVersion(rig) {
    await rig.configure({LocalAuthListEnabled: false});
    await rig.ask('GetLocalListVersion', {}, (answer) => answer.listVersion === -1 || answer.error === 'NotSupported');
}

async function emptyList(rig) {
    await rig.configure({LocalAuthListEnabled: true});
    await send(rig, 1, 'Full');
    await version(rig, 0);
}

async function updates(rig) {
    await rig.configure({LocalAuthListEnabled: true, LocalPreAuthorize: true, AuthorizationCacheEnabled: false});
    await send(rig, 1, 'Full', [entry('ONE')]);
    await send(rig, 2, 'Differential', [entry('TWO')]);
    await version(rig, 2);
    await startsUnasked(rig, 'TWO');
}

async function versionMismatch(rig) {
    await rig.configure({LocalAuthListEnabled: true});
    await send(rig, 2, 'Full', [entry('ONE')]);
    await version(rig, 2);
    await send(rig, 5, 'Differential', [entry('TWO')]);
    await version(rig, 5);
    await send(rig, 4, 'Differential', [entry('THREE')], 'VersionMismatch');
    await version(rig, 5);
}

/** More entries than one message may bring, by the charge point's own word; what was there stays. */
async function failedUpdate(rig) {
    await rig.configure({LocalAuthListEnabled: true});
    await send(rig, 1, 'Full', [entry('ONE')]);
    const most = Number(await rig.key('SendLocalListMaxLength'));
    expect(most > 0 && most < 10000, `SendLocalListMaxLength ${most}`);
    await send(rig, 2, 'Full', Array.from({length: most + 1}, (_, i) => entry(`T${i}`)), 'Failed');
    await version(rig, 1);
}

// ---- reservations ----

const later = (s) => new Date(Date.now() + s * 1000).toISOString();
const reserve = (rig, connectorId, answer = 'Accepted', more = {}) => rig.ask('ReserveNow',
    {connectorId, expiryDate: later(600), idTag: 'TAG', reservationId: 11, ...more}, {status: answer});

async function reserved(rig, more = {}) {
    await reserve(rig, 1, 'Accepted', more);
    await rig.next(status('Reserved'));
}

async function reservedLocalStart(rig) {
    await reserved(rig);
    rig.card('OTHER');
    await rig.never(authorize('OTHER'), status('Preparing'));
    rig.card('TAG');
    await rig.next(status('Preparing'));
    rig.plug();
    await rig.charging({idTag: 'TAG', reservationId: 11});
}

async function reservedRemoteStart(rig) {
    await reserved(rig);
    await rig.rejected('RemoteStartTransaction', {connectorId: 1, idTag: 'OTHER'});
    await rig.accepted('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'});
    await rig.next(status('Preparing'));
    rig.plug();
    await rig.charging({idTag: 'TAG', reservationId: 11});
}

async function expired(rig) {
    await reserved(rig, {expiryDate: later(3)});
    await rig.next(status('Available'));
    await rig.charge('OTHER', {}).then(({call}) => same(call.payload.reservationId, undefined, 'reservationId'));
}

async function whileFaulted(rig, connectorId) {
    await rig.fault('estop-wire');
    await rig.next(status('Faulted'));
    await reserve(rig, connectorId, 'Faulted');
}

async function whileOccupied(rig, connectorId) {
    rig.plug();
    await rig.next(status('Preparing'));
    await reserve(rig, connectorId, 'Occupied');
}

async function whileUnavailable(rig, connectorId) {
    await rig.accepted('ChangeAvailability', {connectorId, type: 'Inoperative'});
    await rig.next(status('Unavailable'));
    await reserve(rig, connectorId, 'Unavailable');
}

/** Connector 0: one of two, whichever; the transaction carries the reservation. */
async function wholeStation(rig) {
    await reserve(rig, 0);
    await rig.next(message('StatusNotification', {status: 'Reserved', connectorId: /^[012]$/}));
    rig.card('TAG');
    await rig.next(status('Preparing'));
    rig.plug();
    await rig.charging({idTag: 'TAG', reservationId: 11});
}

async function cancelled(rig) {
    await reserved(rig);
    await rig.accepted('CancelReservation', {reservationId: 11});
    await rig.next(status('Available'));
    const {call} = await rig.charge('OTHER');
    same(call.payload.reservationId, undefined, 'reservationId');
}

async function notCancelled(rig) {
    await reserved(rig);
    await rig.rejected('CancelReservation', {reservationId: 12});
    await rig.never(status('Available'));
}

async function reservedForParent(rig) {
    rig.tags.TAG2 = {status: 'Accepted', parentIdTag: 'PARENT'};
    await reserved(rig, {parentIdTag: 'PARENT'});
    rig.card('TAG2');
    await rig.any(authorize('TAG2'), status('Preparing'));
    rig.plug();
    await rig.next(start({idTag: 'TAG2', reservationId: 11}));
}

export const cases = [
    {id: 'TC_007_CS', title: 'Session with a tag of the cache', run: cachedTag},
    {id: 'TC_008_CS', title: 'Session with a tag of the local list', run: listedTag},
    {id: 'TC_042_1_CS', title: 'Version of a local list that is switched off', run: noVersion},
    {id: 'TC_042_2_CS', title: 'Version of an empty local list', run: emptyList},
    {id: 'TC_043_CS', title: 'Local list, full and differential', run: updates},
    {id: 'TC_043_1_CS', title: 'Local list where there is none', none: 'Local Auth List Management is supported'},
    {id: 'TC_043_2_CS', title: 'Local list, older version', run: versionMismatch},
    {id: 'TC_043_3_CS', title: 'Local list that cannot be taken', run: failedUpdate,
        note: 'One entry more than SendLocalListMaxLength'},
    {id: 'TC_046_1_CS', title: 'Reserved connector, started at the reader', run: reservedLocalStart},
    {id: 'TC_046_2_CS', title: 'Reserved connector, started remotely', run: reservedRemoteStart},
    {id: 'TC_047_CS', title: 'Reservation that expires', run: expired},
    {id: 'TC_048_1_CS', title: 'Reserve a faulted connector', run: (rig) => whileFaulted(rig, 1)},
    {id: 'TC_048_2_CS', title: 'Reserve an occupied connector', run: (rig) => whileOccupied(rig, 1)},
    {id: 'TC_048_3_CS', title: 'Reserve an unavailable connector', run: (rig) => whileUnavailable(rig, 1)},
    {id: 'TC_048_4_CS', title: 'Reserve a connector where reservations are refused',
        none: 'There is no setting that refuses reservations of a connector'},
    {id: 'TC_049_CS', title: 'Reserve the whole charge point', connectors: 2, run: wholeStation},
    {id: 'TC_050_1_CS', title: 'Reserve a faulted charge point', run: (rig) => whileFaulted(rig, 0)},
    {id: 'TC_050_2_CS', title: 'Reserve an occupied charge point', run: (rig) => whileOccupied(rig, 0)},
    {id: 'TC_050_3_CS', title: 'Reserve an unavailable charge point', run: (rig) => whileUnavailable(rig, 0)},
    {id: 'TC_050_4_CS', title: 'Reserve a charge point that only takes reservations of a connector',
        none: 'ReserveConnectorZeroSupported is true'},
    {id: 'TC_051_CS', title: 'Cancel a reservation', run: cancelled},
    {id: 'TC_052_CS', title: 'Cancel a reservation that does not exist', run: notCancelled},
    {id: 'TC_053_CS', title: 'Reserved connector, used by a tag of the same parent', run: reservedForParent},
    {id: 'TC_061_CS', title: 'Clear the cache', run: clearedCache},
];

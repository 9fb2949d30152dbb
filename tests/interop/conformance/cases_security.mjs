// SPDX-License-Identifier: MIT
// The security cases: named, not played. They need TLS, certificates and signed firmware, which this version does not have.
const TITLES = {
    '073': 'Change the password of basic authentication',
    '074': 'Renew the client certificate',
    '075_1': 'Install a root certificate of the manufacturer',
    '075_2': 'Install a root certificate of the central system',
    '076': 'Delete a certificate',
    '077': 'A client certificate that is not valid is told',
    '078': 'A certificate of the central system that is not valid is told',
    '079': 'Upload the security log',
    '080': 'Signed firmware',
    '081': 'Firmware with a wrong signature',
    '083': 'Rise to a higher security profile',
    '084': 'Stay where a higher security profile cannot work',
    '085': 'Basic authentication',
    '086': 'TLS, certificate of the server',
    '087': 'TLS, certificate of the client',
    '088': 'Subprotocol of the WebSocket',
};

export const cases = Object.entries(TITLES).map(([number, title]) => ({id: `TC_${number}_CS`, title,
    later: 'Security profiles come with TLS'}));

// WasaaPay's own sample with the real socket.io-client: connects, waits for authenticated, creates a deposit, subscribes
// to it, and follows it to its end. Options as JSON in the first argument; prints one JSON object a line.
'use strict';
const { io } = require('socket.io-client');

const { url, key, phone, transports, header } = JSON.parse(process.argv[2]);
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const socket = io(url, {
  path: '/partner/socket', transports,
  ...(header ? { extraHeaders: { 'X-API-Key': key } } : { auth: { apiKey: key } }),
});
const used = () => socket.io.engine.transport.name;
// An upgrade comes when it comes; with one on the way the deposit waits for it, so that the events travel by websocket.
const settled = new Promise((resolve) => {
  socket.on('connect', () => {
    if (transports.length < 2 || transports[0] === 'websocket' || used() === 'websocket') resolve();
    else socket.io.engine.once('upgrade', resolve);
  });
});
socket.on('connect_error', (err) => { tell({ saw: 'connect_error', message: err.message }); process.exit(0); });
socket.on('authenticated', async (data) => {
  tell({ saw: 'authenticated', data });
  await settled;
  const answer = await fetch(`${url}/api/v1/partner/deposits/mpesa`, {
    method: 'POST',
    headers: { 'X-API-Key': key, 'Content-Type': 'application/json', 'X-Idempotency-Key': crypto.randomUUID() },
    body: JSON.stringify({ walletId: 'wallet_local', amount: 100, phoneNumber: phone, externalReference: 'ORDER-001' }),
  });
  const deposit = (await answer.json()).data;
  tell({ saw: 'created', status: answer.status, id: deposit.id });
  socket.emit('subscribe', { type: 'deposit', id: deposit.id });
});
socket.on('subscribed', (data) => tell({ saw: 'subscribed', data, transport: used() }));
for (const name of ['deposit:initiated', 'deposit:completed', 'deposit:failed']) {
  socket.on(name, (payload) => {
    tell({ saw: name, payload });
    if (name !== 'deposit:initiated') socket.disconnect();
  });
}
socket.on('disconnect', (reason) => { tell({ saw: 'disconnect', reason }); process.exit(0); });

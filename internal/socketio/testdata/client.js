// The real npm socket.io-client for the tests. It takes its options as JSON in
// the first argument, prints one JSON object a line about what happens, and
// obeys one JSON array a line on standard input.
'use strict';
const readline = require('readline');
const { io } = require('socket.io-client');

const { url, ...options } = JSON.parse(process.argv[2]);
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const socket = io(url, { path: '/partner/socket', forceNew: true, ...options });
const transport = () => (socket.io.engine ? socket.io.engine.transport.name : '');

socket.on('connect', () => {
  tell({ saw: 'connect', transport: transport(), recovered: !!socket.recovered });
  const upgraded = () => tell({ saw: 'upgrade', transport: transport() });
  if (options.transports[0] === 'polling' && transport() === 'websocket') upgraded();
  else socket.io.engine.once('upgrade', upgraded);
});
socket.on('connect_error', (e) => tell({ saw: 'connect_error', message: e.message, data: e.data }));
socket.on('disconnect', (reason) => tell({ saw: 'disconnect', reason }));
socket.onAny((name, ...args) => {
  if (typeof args[args.length - 1] === 'function') args.pop()('yes', args.length);
  if (typeof args[0] === 'string' && args[0].length > 1000) args = [args[0].length, args[0].slice(0, 4)];
  tell({ saw: 'event', name, args });
});

const commands = {
  emit: (...args) => socket.emit(...args),
  ask: (...args) => socket.timeout(60000).emit(...args, (err, ...got) => tell({ saw: 'ack', err: err && err.message, got })),
  big: (n) => socket.emit('echo', '€'.repeat(n)),
  binary: () => socket.emit('bytes', Buffer.from([0, 1, 30, 255]), 'after'),
  count: (n) => {
    let i = 0;
    const timer = setInterval(() => (i < n ? socket.emit('n', i++) : clearInterval(timer)), 2);
  },
  raw: (text) => socket.io.engine.write(text),
  close: () => socket.disconnect(),
  transport: () => tell({ saw: 'transport', transport: transport() }),
};

readline.createInterface({ input: process.stdin })
  .on('line', (line) => { const [name, ...args] = JSON.parse(line); commands[name](...args); })
  .on('close', () => process.exit(0));

// Every flow that a real npm package has, unmodified and with its own defaults: each asks, and where the gateway calls back
// waits for that. Its options come as JSON in the first argument; it prints one JSON object, flow by flow.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

const print = console.log;
let heard = () => {};
console.log = (line) => heard(String(line)); // packages print their tokens, advice and callbacks
const { sdk, creds, phone, certificate } = JSON.parse(process.argv[2]);
const arrived = {};
const app = http.createServer((req, res) => {
  let body = '';
  req.on('data', (chunk) => { body += chunk; });
  req.on('end', () => {
    res.setHeader('Content-Type', 'application/json');
    res.end('{"ResultCode":0,"ResultDesc":"Accepted"}');
    if (arrived[req.url]) arrived[req.url](JSON.parse(body));
  });
});
const waitFor = (path) => new Promise((resolve, reject) => {
  arrived[path] = resolve;
  setTimeout(() => reject(new Error(`nothing came to ${path}`)), 30000).unref();
});

// What the portal's page makes of the initiator's password; some packages want it made.
const credential = () => crypto.publicEncrypt(
  { key: fs.readFileSync(certificate), padding: crypto.constants.RSA_PKCS1_PADDING }, Buffer.from(creds.initiator_password),
).toString('base64');

const sdks = {
  // A listener, on a port that is written into it: here it gets one that is free. What it hears it prints; mpesa-node asks.
  mpesa: () => {
    const listen = http.Server.prototype.listen;
    let peer;
    http.Server.prototype.listen = function () { peer = listen.call(this, 0, '127.0.0.1'); return peer; };
    const m = require('mpesa');
    http.Server.prototype.listen = listen;
    for (const flow of [m.b2clistener, m.b2blistener, m.c2bvalidation, m.c2bconfirmation]) flow();
    const at = { b2c: '/b2c/result', b2b: '/b2b/result', validate: '/validation', confirm: '/confirmation' };
    const title = { B2C: 'b2c', B2B: 'b2b', 'C2B VALIDATION': 'validate', 'C2B CONFIRMATION': 'confirm' };
    let last;
    heard = (line) => {
      const [, name] = /^-+([A-Z0-9 ]+) (?:CALLBACK|REQUEST)-+$/.exec(line) || [];
      if (name) last = at[title[name]];
      else if (last && line.startsWith('{')) arrived[last](JSON.parse(line));
    };
    const { register, simulate, b2c, b2b } = sdks['mpesa-node']();
    const home = () => new Promise((resolve) => { peer.on('listening', () => resolve(`http://127.0.0.1:${peer.address().port}`)); });
    return { at, home, register, simulate, b2c, b2b };
  },
  'daraja.js': () => {
    const { Mpesa } = require('daraja.js');
    const m = new Mpesa({
      consumerKey: creds.consumer_key, consumerSecret: creds.consumer_secret, securityCredential: credential(), organizationShortCode: creds.shortcode,
    });
    const data = async (answer) => (await answer).data;
    const amount = (flow, n) => flow.shortCode(creds.shortcode).amount(n);
    return {
      push: (url) => data(amount(m.stkPush(), 100).phoneNumber(phone).callbackURL(url).accountNumber('INV-1').description('Shoes')
        .lipaNaMpesaPassKey(creds.passkey).send()),
      query: (id) => data(m.stkPush().shortCode(creds.shortcode).checkoutRequestID(id).lipaNaMpesaPassKey(creds.passkey).queryStatus()),
      status: (receipt, url) => data(m.transactionStatus().shortCode(creds.shortcode).initiator(creds.initiator).transactionID(receipt)
        .resultURL(url).timeoutURL(url).queryStatus()),
      register: (confirm, validate) => data(m.c2b().shortCode(creds.shortcode).callbackURL(confirm).confirmationURL(confirm).validationURL(validate)
        .registerURLS()),
      simulate: () => data(amount(m.c2b(), 250).phoneNumber(phone).accountNumber('INV-2').simulate()),
      b2c: (url) => data(amount(m.b2c(), 100).phoneNumber(phone).initiatorName(creds.initiator).resultURL(url).timeoutURL(url).send()),
      balance: (url) => data(m.accountBalance().shortCode(creds.shortcode).initiator(creds.initiator).resultURL(url).timeoutURL(url).query()),
      reversal: (receipt, url) => m.reversal().shortCode(creds.shortcode).amount(100).initiator(creds.initiator).transactionID(receipt)
        .resultURL(url).timeoutURL(url).send(),
    };
  },
  daraja: () => {
    const { Mpesa } = require('daraja');
    const m = new Mpesa(Number(creds.shortcode), creds.consumer_key, creds.consumer_secret, 'sandbox');
    return {
      push: async (url) => ({
        CheckoutRequestID: (await m.mpesaExpressRequest(
          100, Number(phone), Number(creds.shortcode), creds.passkey, 'CustomerPayBillOnline', 'INV-1', 'Shoes', url,
        )).checkoutRequestId,
      }),
      query: async (id) => ({ ResultCode: (await m.mpesaExpressQuery(creds.passkey, id)).resultCode }),
      register: async (confirm, validate) => ({
        ResponseDescription: (await m.c2bRegisterUrl(validate, confirm, 'Completed')).responseDescription,
      }),
      simulate: () => m.c2bSimulateTransaction(250, Number(phone), 'INV-2'),
    };
  },
  'mpesa-express': () => {
    const Mpesa = require('mpesa-express');
    let m;
    return {
      start: (home) => {
        m = new (Mpesa.default || Mpesa)({
          consumer_key: creds.consumer_key, consumer_secret: creds.consumer_secret, passkey: creds.passkey, BusinessShortCode: creds.shortcode,
          ShortCode: creds.shortcode, SecurityCredential: credential(), Initiator: creds.initiator, callBackBaseUrl: home,
        });
      },
      at: { push: '/callback', balance: '/result', b2c: '/result' }, // written into it
      push: () => m.sktPush(100, phone, 'INV-1', 'Shoes'),
      query: (id) => m.stkCheck(id),
      register: (confirm, validate) => m.c2bRegister(confirm, validate, 'Completed', creds.shortcode),
      simulate: () => m.c2bTransact(creds.shortcode, 'CustomerPayBillOnline', 250, phone, 'INV-2'),
      balance: () => m.checkAccountBalance('AccountBalance', '4', 'ok'),
      b2c: () => m.b2c(100, creds.shortcode, phone, 'ok', 'BusinessPayment', 'ok', credential()),
    };
  },
  'mpesa-node': () => {
    const Mpesa = require('mpesa-node');
    const m = new Mpesa({
      consumerKey: creds.consumer_key, consumerSecret: creds.consumer_secret, environment: 'sandbox',
      shortCode: creds.shortcode, lipaNaMpesaShortCode: creds.shortcode, lipaNaMpesaShortPass: creds.passkey,
      initiatorName: creds.initiator, securityCredential: creds.initiator_password, certPath: certificate,
    });
    const data = async (answer) => (await answer).data;
    return {
      push: (url) => data(m.lipaNaMpesaOnline(phone, 100, url, 'INV-1')),
      query: (id) => data(m.lipaNaMpesaQuery(id)),
      status: (receipt, url) => data(m.transactionStatus(receipt, creds.shortcode, 4, url, url)),
      register: (confirm, validate) => data(m.c2bRegister(confirm, validate)),
      simulate: () => data(m.c2bSimulate(phone, 250, 'INV-2')),
      b2c: (url) => data(m.b2c(creds.shortcode, phone, 100, url, url)),
      b2b: (url) => data(m.b2b(creds.shortcode, creds.store, 100, url, url)),
      balance: (url) => data(m.accountBalance(creds.shortcode, 4, url, url)),
      reversal: (receipt, url) => data(m.reversal(receipt, 100, url, url)),
    };
  },
  'mpesa-api': () => {
    const { Mpesa } = require('mpesa-api');
    const m = new Mpesa({
      clientKey: creds.consumer_key, clientSecret: creds.consumer_secret, initiatorPassword: creds.initiator_password, certificatePath: certificate,
    }, 'sandbox');
    const ours = { BusinessShortCode: creds.shortcode, passKey: creds.passkey };
    const both = (url) => ({ Initiator: creds.initiator, ResultURL: url, QueueTimeOutURL: url });
    return {
      // The package's own default type ends in a blank.
      push: (url) => m.lipaNaMpesaOnline({
        ...ours, TransactionType: 'CustomerPayBillOnline', Amount: 100, PartyA: phone, PartyB: creds.shortcode, PhoneNumber: phone, CallBackURL: url,
        AccountReference: 'INV-1',
      }),
      query: (id) => m.lipaNaMpesaQuery({ ...ours, CheckoutRequestID: id }),
      status: (receipt, url) => m.transactionStatus({ ...both(url), TransactionID: receipt, PartyA: creds.shortcode, IdentifierType: '4' }),
      register: (confirm, validate) => m.c2bRegister({
        ShortCode: creds.shortcode, ResponseType: 'Completed', ConfirmationURL: confirm, ValidationURL: validate,
      }),
      simulate: () => m.c2bSimulate({ ShortCode: creds.shortcode, CommandID: 'CustomerPayBillOnline', Amount: 250, Msisdn: phone, BillRefNumber: 'INV-2' }),
      b2c: (url) => m.b2c({ ...both(url), CommandID: 'BusinessPayment', Amount: 100, PartyA: creds.shortcode, PartyB: phone }),
      balance: (url) => m.accountBalance({ ...both(url), PartyA: creds.shortcode }),
      // Its own default, 4, is not the document's 11.
      reversal: (receipt, url) => m.reversal({ ...both(url), TransactionID: receipt, Amount: 100, ReceiverParty: creds.shortcode, RecieverIdentifierType: '11' }),
    };
  },
};

app.listen(0, '127.0.0.1', async () => {
  let home = `http://127.0.0.1:${app.address().port}`;
  const flows = {};
  const run = async (name, flow) => {
    try {
      flows[name] = await flow();
    } catch (err) {
      flows[name] = `failed: ${err.message || err.statusCode} ${JSON.stringify((err.response && err.response.data) || err.data || null)}`;
    }
  };
  const m = sdks[sdk]();
  if (m.start) m.start(home);
  if (m.home) home = await m.home();
  const at = (flow) => (m.at && m.at[flow]) || `/${flow}`;
  const answered = async (path, ask) => {
    const told = waitFor(path);
    await ask(home + path);
    const { Result } = await told;
    return Result.ResultCode === 0 ? 'ok' : `failed: ${JSON.stringify(Result)}`;
  };
  let push;
  let receipt;
  if (m.push) await run('push', async () => {
    const told = waitFor(at('push'));
    push = await m.push(home + at('push'));
    const { stkCallback } = (await told).Body;
    receipt = stkCallback.CallbackMetadata.Item.find((item) => item.Name === 'MpesaReceiptNumber').Value;
    return stkCallback.ResultCode === 0 && stkCallback.CheckoutRequestID === push.CheckoutRequestID ? 'ok' : JSON.stringify(stkCallback);
  });
  if (m.query) await run('query', async () => ((await m.query(push.CheckoutRequestID)).ResultCode === '0' ? 'ok' : 'failed'));
  if (m.status) await run('status', () => answered('/status', (url) => m.status(receipt, url)));
  await run('c2b register', async () => ((await m.register(home + at('confirm'), home + at('validate'))).ResponseDescription === 'Success' ? 'ok' : 'failed'));
  await run('c2b simulate', async () => {
    const told = [waitFor(at('validate')), waitFor(at('confirm'))];
    await m.simulate();
    const [, confirmation] = await Promise.all(told);
    return confirmation.TransAmount === '250.00' && confirmation.BillRefNumber === 'INV-2' ? 'ok' : JSON.stringify(confirmation);
  });
  if (m.b2c) await run('b2c', () => answered(at('b2c'), m.b2c));
  if (m.b2b) await run('b2b', () => answered(at('b2b'), m.b2b));
  if (m.balance) await run('balance', () => answered(at('balance'), m.balance));
  if (m.reversal) await run('reversal', () => answered('/reversal', (url) => m.reversal(receipt, url)));
  print(JSON.stringify(flows));
  process.exit(0);
});

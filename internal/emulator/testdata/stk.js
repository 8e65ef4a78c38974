// An application that takes an STK push with a real npm package, unmodified: pushes, waits for the callback, asks once
// more, and asks for the transaction by its receipt. Its options come as JSON in the first argument; it prints one JSON
// object.
'use strict';
const http = require('http');

const { sdk, baseURL, creds, phone, certificate } = JSON.parse(process.argv[2]);
const arrived = {};
const app = http.createServer((req, res) => {
  let body = '';
  req.on('data', (chunk) => { body += chunk; });
  req.on('end', () => {
    res.setHeader('Content-Type', 'application/json');
    res.end('{"ResultCode":0,"ResultDesc":"Accepted"}');
    arrived[req.url](JSON.parse(body));
  });
});
const waitFor = (path) => new Promise((resolve) => { arrived[path] = resolve; });

// Each package in its own words.
const sdks = {
  'mpesa-node': () => {
    const Mpesa = require('mpesa-node');
    const mpesa = new Mpesa({
      consumerKey: creds.consumer_key, consumerSecret: creds.consumer_secret, environment: 'sandbox',
      shortCode: creds.shortcode, lipaNaMpesaShortCode: creds.shortcode, lipaNaMpesaShortPass: creds.passkey,
      initiatorName: creds.initiator, securityCredential: creds.initiator_password, certPath: certificate,
    });
    if (baseURL) mpesa.baseURL = baseURL;
    return {
      push: async (callback) => (await mpesa.lipaNaMpesaOnline(phone, 100, callback, 'INV-1', 'Order 1')).data,
      query: async (id) => (await mpesa.lipaNaMpesaQuery(id)).data,
      status: async (receipt, url) => (await mpesa.transactionStatus(receipt, creds.shortcode, 4, url, url)).data,
    };
  },
  'mpesa-api': () => {
    const { Mpesa } = require('mpesa-api');
    const mpesa = new Mpesa({
      clientKey: creds.consumer_key, clientSecret: creds.consumer_secret,
      initiatorPassword: creds.initiator_password, certificatePath: certificate,
    }, 'sandbox');
    return {
      push: (callback) => mpesa.lipaNaMpesaOnline({
        BusinessShortCode: creds.shortcode, passKey: creds.passkey, TransactionType: 'CustomerPayBillOnline', Amount: 100,
        PartyA: phone, PartyB: creds.shortcode, PhoneNumber: phone, CallBackURL: callback, AccountReference: 'INV-1',
        TransactionDesc: 'Order 1',
      }),
      query: (id) => mpesa.lipaNaMpesaQuery({ BusinessShortCode: creds.shortcode, passKey: creds.passkey, CheckoutRequestID: id }),
      status: (receipt, url) => mpesa.transactionStatus({
        Initiator: creds.initiator, CommandID: 'TransactionStatusQuery', TransactionID: receipt, PartyA: creds.shortcode,
        IdentifierType: '4', ResultURL: url, QueueTimeOutURL: url, Remarks: 'Check', Occasion: 'Check',
      }),
    };
  },
};

app.listen(0, '127.0.0.1', async () => {
  const home = `http://127.0.0.1:${app.address().port}`;
  try {
    const mpesa = sdks[sdk]();
    const told = waitFor('/stk');
    const push = await mpesa.push(`${home}/stk`);
    const callback = (await told).Body.stkCallback;
    const query = await mpesa.query(push.CheckoutRequestID);
    const items = (callback.CallbackMetadata || { Item: [] }).Item;
    const receipt = (items.find((item) => item.Name === 'MpesaReceiptNumber') || {}).Value;
    const result = receipt ? waitFor('/result') : null;
    const status = receipt ? await mpesa.status(receipt, `${home}/result`) : null;
    console.log(JSON.stringify({ push, callback, query, receipt, status, result: result && (await result).Result }));
  } catch (err) {
    const answer = err.response ? err.response.data : err.data;
    console.log(JSON.stringify({ error: String(err.message || err.statusCode), answer }));
  }
  process.exit(0);
});

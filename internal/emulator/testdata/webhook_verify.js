// Verifies webhooks as the sample of the provider's documentation does (reference/wasaapay.md §11.4): the body parsed, its
// signature taken out, the rest serialised again. Reads one JSON string, a body, a line; prints true or false for each.
'use strict';
const crypto = require('crypto');
const readline = require('readline');

const secret = process.argv[2];

function verify(body) {
  const payload = JSON.parse(body);
  const { signature } = payload;
  delete payload.signature;
  const digest = crypto.createHmac('sha256', secret).update(JSON.stringify(payload)).digest('hex');
  const want = Buffer.from('sha256=' + digest);
  const got = Buffer.from(String(signature));
  return got.length === want.length && crypto.timingSafeEqual(got, want);
}

readline.createInterface({ input: process.stdin }).on('line', (line) => console.log(verify(JSON.parse(line))));

// Do the main job with Stripe's SDK for Node: `node main_job.mjs ADDRESS`, run where it is installed.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";

const require = createRequire(process.cwd() + "/");
const Stripe = require("stripe");
const { version } = JSON.parse(readFileSync("node_modules/stripe/package.json"));
const at = new URL(process.argv[2]);
const key = "sk_test_" + `nodev${version.split(".")[0]}x`.repeat(3);
const options = { host: at.hostname, port: at.port, protocol: "http", telemetry: false, maxNetworkRetries: 0 };
const stripe = new Stripe(key, options);
const NEVER = { automatic_payment_methods: { enabled: true, allow_redirects: "never" } };

const customer = await stripe.customers.create({ name: "Ada", email: "ada@shop.example" });
const setup = await stripe.setupIntents.create({ customer: customer.id, payment_method: "pm_card_visa", confirm: true, ...NEVER });
assert.equal(setup.status, "succeeded");
const once = { idempotencyKey: "pay-once" };
const order = { amount: 4200, currency: "eur", customer: customer.id, payment_method: setup.payment_method, confirm: true, off_session: true };
const [paid, again] = [await stripe.paymentIntents.create(order, once), await stripe.paymentIntents.create(order, once)];
assert.deepEqual([paid.status, again.id], ["succeeded", paid.id]);
const declined = await stripe.paymentIntents.create({ ...order, payment_method: "pm_card_visa_chargeDeclined", customer: undefined }).catch((error) => error);
assert.deepEqual([declined.type, declined.code, declined.decline_code], ["StripeCardError", "card_declined", "generic_decline"]);

let charge = await stripe.charges.retrieve(paid.latest_charge);
assert.equal(charge.balance_transaction, null);
for (let tries = 0; !charge.balance_transaction && tries < 100; tries += 1) {
  await new Promise((go) => setTimeout(go, 100));
  charge = await stripe.charges.retrieve(paid.latest_charge, { expand: ["balance_transaction"] });
}
assert.equal(charge.balance_transaction.net, 4200 - charge.balance_transaction.fee);
const refund = await stripe.refunds.create({ payment_intent: paid.id, amount: 700 });
assert.equal(refund.status, "succeeded");

const line_items = [{ quantity: 1, price_data: { currency: "eur", unit_amount: 900, product_data: { name: "Tulips" } } }];
const session = await stripe.checkout.sessions.create({ mode: "payment", line_items, success_url: "http://127.0.0.1:9/ok" });
const page = await fetch(`${session.url}/complete`, { method: "POST", redirect: "manual", body: new URLSearchParams({ pm: "pm_card_visa" }) });
assert.equal(page.status, 303);
assert.equal((await stripe.checkout.sessions.retrieve(session.id)).payment_status, "paid");

const types = [];
for await (const event of stripe.events.list({ limit: 5 })) types.push(event.type);
for (const type of ["charge.refunded", "charge.updated", "checkout.session.completed", "payment_intent.succeeded"]) assert.ok(types.includes(type), type);
const listed = [];
for await (const each of stripe.paymentIntents.list({ limit: 1 })) listed.push(each.id);
assert.equal(listed.length, 3);
console.log(`stripe ${version} for Node, ${Stripe.API_VERSION ?? stripe.getApiField("version")}: paid, declined, booked, refunded, checked out, ${types.length} events read`);

// The page: takes server-sent events and puts them into the document. Texts are set as text, never as markup.

import { drawDelivered, drawShares } from "/charts.js";

const $ = (id) => document.getElementById(id);
const state = { session: null, countries: new Map(), board: null, points: [], chart: null, events: null };

// --- talking to the server

async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (state.session) headers["X-CSRF-Token"] = state.session.csrf;
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const document_ = await answer.json().catch(() => ({}));
  if (answer.status === 401) showLogin();
  return { ok: answer.ok, status: answer.status, document: document_ };
}

async function start() {
  const { ok, document: session } = await ask("GET", "/v1/session");
  if (!ok) return;
  state.session = session;
  $("login").hidden = true;
  $("main").hidden = $("who").hidden = false;
  $("who").firstElementChild.textContent = `${session.name}${session.may_act ? "" : " (may look)"}`;
  for (const element of document.querySelectorAll("#order fieldset, #redrive button")) element.disabled = !session.may_act;
  follow();
}

function showLogin() {
  state.events?.close();
  state.session = null;
  $("main").hidden = $("who").hidden = true;
  $("login").hidden = false;
  $("key").focus();
  say("live", "not logged in");
}

function follow() {
  state.events?.close();
  const events = state.events = new EventSource("/v1/events");
  events.onmessage = (message) => show(JSON.parse(message.data));
  events.onerror = async () => {
    say("live", "connection lost, trying again");
    if (events.readyState === EventSource.CLOSED) { await ask("GET", "/v1/session"); if (state.session) setTimeout(follow, 1000); }
  };
}

// --- showing what came

function show(board) {
  state.board = board;
  const changed = [];
  for (const row of board.countries) {
    const before = state.countries.get(row.country);
    if (before && before.revision !== row.revision) changed.push(row.why);
    state.countries.set(row.country, row);
    showCountry(row);
    if (row.country === state.chart) addPoint(row);
  }
  $("live").dataset.asOf = board.as_of ?? "";
  say("live", board.stale ? "stale: nobody has looked at the evidence for 30 s" : `live, ${time(board.at)}`);
  if (changed.length) say("said", changed.join("; "));
  showTop(board);
  showIncidents(board);
  showOrders(board);
  showDead(board);
  showVersions(board);
  showChoices();
  draw();
}

function showTop({ top, open }) {
  say("rate", top.codes_per_s.toLocaleString("en"));
  say("in-time", percent(top.in_time, 1));
  say("conversion", percent(top.conversion, 1));
  say("open", open);
  $("open-box").classList.toggle("alarm", open > 0);
  document.title = open ? `(${open}) Ithaca` : "Ithaca: do codes arrive?";
}

function showCountry(row) {
  const id = `country-${row.country}`;
  const card = $(id) ?? $("countries").appendChild(make("article", { id, class: "country" }));
  const rows = row.routes.map((route) => make("tr", { class: route.leader ? "leads" : "" },
    make("th", { scope: "row" }, route.provider),
    make("td", {}, percent(route.share)),
    make("td", { title: route.says }, `${percent(route.delivered)} of ${percent(route.usual)}`),
    make("td", {}, route.p95_s === null ? "–" : `${route.p95_s.toFixed(0)}\u00a0s`),
    make("td", {}, make("span", { class: `state ${route.state}`, title: route.says }, route.state))));
  card.replaceChildren(
    make("header", {}, make("h3", {}, row.country), make("p", {}, `${row.codes_per_s} codes/s${row.mode === "automatic" ? "" : `, ${row.mode}`}`)),
    make("table", {},
      make("thead", {}, make("tr", {}, ...["provider", "share", "delivers / usual", "p95", "state"].map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...rows)),
    make("p", { class: "why" }, make("time", {}, time(row.changed_at)), ` ${row.why}`));
}

function showIncidents({ incidents }) {
  list("incidents", incidents, "no incidents", (one) => {
    const open = one.phase !== "closed";
    const counts = `${one.requested} codes went that way, ${one.swallowed} were swallowed, ${one.rescued} sent again`;
    return make("li", {},
      make("p", {}, make("span", { class: `phase ${open ? "open" : ""}` }, open ? "open" : "closed"), " ",
        make("strong", {}, one.cause), ` ${one.summary}`),
      make("p", {}, make("time", {}, `${time(one.onset_at)}${open ? "" : ` to ${time(one.closed_at)}`}`), ` ${counts}`),
      make("details", {}, make("summary", {}, "what it is not, and what was done"),
        make("ul", {}, ...[...one.not_causes, ...one.done].map((text) => make("li", {}, text)))));
  });
}

function showOrders({ orders }) {
  list("orders", orders, "none: the system decides", (order) => {
    const button = make("button", { type: "button" }, "withdraw");
    button.disabled = !state.session?.may_act;
    button.addEventListener("click", () => withdraw(order.order_id));
    const what = `${order.kind} ${order.provider ?? ""} in ${order.country === "*" ? "all countries" : order.country}`;
    return make("li", {}, make("strong", {}, what), ` by ${order.author}: ${order.reason}, until ${time(order.expires_at)} `, button);
  });
}

function showDead({ dead }) {
  list("dead", Object.entries(dead), "none", ([reason, count]) => make("li", {}, `${count} ${reason}`));
  choices($("dead-reason"), [["", "any"], ...Object.keys(dead).map((reason) => [reason, reason])]);
}

function showVersions({ versions, unreadable }) {
  list("versions", versions, "nothing was sent lately", (one) =>
    make("li", {}, make("code", {}, one.config || "none"), ` ${one.sent} messages in the last minute`));
  $("unreadable").hidden = !unreadable;
  say("unreadable", `${unreadable} records on our topics could not be read, and are left out`);
}

function showChoices() {
  const countries = [...state.countries.keys()].sort();
  const providers = [...new Set([...state.countries.values()].flatMap((row) => row.routes.map((route) => route.provider)))].sort();
  choices($("country"), [["*", "all"], ...countries.map((name) => [name, name])]);
  choices($("provider"), providers.map((name) => [name, name]));
  choices($("chart-country"), countries.map((name) => [name, name]));
  if (!state.chart && countries.length) {
    const busiest = [...state.countries.values()].reduce((one, other) => (other.codes_per_s > one.codes_per_s ? other : one));
    $("chart-country").value = busiest.country;
    chooseChart(busiest.country);
  }
}

// --- charts

async function chooseChart(country) {
  state.chart = country;
  state.points = [];
  const { ok, document: history } = await ask("GET", `/v1/history/${encodeURIComponent(country)}`);
  if (ok && state.chart === country) {
    state.points = history.points.map((point) => ({ ...point, at: Date.parse(point.at) }));
    draw();
  }
}

function addPoint(row) {
  const at = Date.parse(row.decided_at), last = state.points.at(-1);
  if (last && last.at >= at) return;
  state.points.push({
    at,
    shares: Object.fromEntries(row.routes.map((route) => [route.provider, route.share])),
    delivered: Object.fromEntries(row.routes.map((route) => [route.provider, route.delivered])),
  });
  if (state.points.length > 4000) state.points.splice(0, 1000);
}

function draw() {
  const row = state.countries.get(state.chart);
  if (!row || !state.board) return;
  const providers = row.routes.map((route) => route.provider).sort();
  const now = Date.parse(state.board.at);
  const here = state.board.incidents.filter((one) => !one.country || one.country === state.chart);
  const marks = here.map((one) => Date.parse(one.onset_at));
  drawShares($("shares"), state.points, providers, marks, now);
  drawDelivered($("delivered"), state.points, providers, marks, now);
  list("legend", providers, "", (name, place) => make("li", { class: `s${place % 8}` }, name));
  const words = (value) => row.routes.map((route) => `${route.provider} ${percent(value(route))}`).join(", ");
  say("shares-says", `Share of traffic in ${row.country}: now ${words((route) => route.share)}. Dashed: an incident began.`);
  say("delivered-says", `Share of messages delivered in ${row.country}: now ${words((route) => route.delivered)}.`);
}

// --- actions

async function order(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const kind = form.get("kind");
  const wanted = { kind, reason: form.get("reason"), for: form.get("for"), force: form.has("force") };
  if (kind === "resume") wanted.partition = form.get("partition");
  else wanted.country = form.get("country");
  if (form.has("provider")) wanted.provider = form.get("provider");
  const { ok, document: found } = await ask("POST", "/v1/orders", wanted);
  tell("order-says", ok, ok ? ["ordered", ...found.notes].join("; ") : found.detail ?? "not ordered");
  $("reason").setAttribute("aria-invalid", String(found.field === "reason"));
  if (ok) $("reason").value = "";
}

async function withdraw(id) {
  const { ok, document: found } = await ask("DELETE", `/v1/orders/${encodeURIComponent(id)}`);
  tell("order-says", ok, ok ? "withdrawn" : found.detail);
}

async function redrive(event) {
  event.preventDefault();
  const dry = event.submitter?.value !== "no";
  const reason = $("dead-reason").value || null;
  const { ok, document: found } = await ask("POST", "/v1/dead-letters/redrive", { reason, dry_run: dry });
  const { found: all, redriven, expired, refused } = found;
  const words = `${all} letters: ${redriven} ${dry ? "would be" : "are"} sent again, ${expired} are over, ${refused} can never work`;
  tell("redrive-says", ok, ok ? (all ? words : "there is nothing to redrive") : found.detail);
}

async function explain(event) {
  event.preventDefault();
  const { ok, document: found } = await ask("GET", `/v1/explain/${encodeURIComponent($("request").value.trim())}`);
  const lines = (found.attempts ?? []).map((one) => `attempt ${one.number} through ${one.provider} at ${time(one.sent_at)}: ${one.why}; ${one.outcome}; `
    + (one.receipts.map((receipt) => `${receipt.state} after ${receipt.after_s} s`).join(", ") || "no receipt"));
  tell("explain-says", ok, ok ? [found.says, ...lines].join("\n") : found.detail);
}

async function logIn(event) {
  event.preventDefault();
  const { ok, document: found } = await ask("POST", "/v1/session", { key: $("key").value });
  $("key").value = "";
  tell("login-says", ok, ok ? "" : found.detail ?? "the server does not answer");
  if (ok) { await start(); $("main").tabIndex = -1; $("main").focus(); }
}

// --- small things

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Redraw a list only when it says something else, so that focus and open details stay. */
function list(id, items, none, draw_) {
  const element = $(id), said = JSON.stringify(items) + String(state.session?.may_act);
  if (element.dataset.said === said) return;
  element.dataset.said = said;
  element.replaceChildren(...(items.length ? items.map(draw_) : none ? [make("li", { class: "none" }, none)] : []));
}

function choices(select, pairs) {
  const said = JSON.stringify(pairs), chosen = select.value;
  if (select.dataset.said === said) return;
  select.dataset.said = said;
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value }, text)));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}

function say(id, text) { if ($(id).textContent !== String(text)) $(id).textContent = text; }
function tell(id, ok, text) { say(id, text); $(id).classList.toggle("done", ok); }
function percent(share, digits = 0) { return share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)}\u00a0%`; }
function time(at) { return new Date(at).toLocaleTimeString("en-GB"); }

$("login").addEventListener("submit", logIn);
$("order").addEventListener("submit", order);
$("redrive").addEventListener("submit", redrive);
$("explain").addEventListener("submit", explain);
$("leave").addEventListener("click", async () => { await ask("DELETE", "/v1/session"); showLogin(); });
$("chart-country").addEventListener("change", (event) => chooseChart(event.target.value));
$("kind").addEventListener("change", (event) => {
  const resumes = event.target.value === "resume";
  $("provider").disabled = resumes || event.target.value === "hold";
  $("country").disabled = resumes;
  $("partition-row").hidden = !resumes;
});
setInterval(() => { if (state.board) draw(); }, 5000);
start();

// Two charts as plain SVG: shares of traffic stacked, and the share delivered of each provider. No library is needed
// for a step area and a line; what is drawn follows from its points alone.

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 180, LEFT = 46, RIGHT = 8, TOP = 10, BOTTOM = 22;
const LONGEST_MS = 30 * 60 * 1000, SHORTEST_MS = 2 * 60 * 1000;

/** Draw who had which share. `marks` are instants of incidents in ms. */
export function drawShares(svg, points, providers, marks, now) {
  const axes = begin(svg, points, marks, now);
  const steps = clip(points, axes.since, now);
  let below = steps.map(() => 0);
  providers.forEach((provider, place) => {
    const above = steps.map((step, turn) => below[turn] + (step.shares[provider] ?? 0));
    if (steps.length) svg.insertBefore(shape("path", { class: `area s${place % 8}`, d: area(steps, below, above, axes) }), axes.front);
    below = above;
  });
}

/** Draw what each provider delivered; where nothing is known there is a gap. */
export function drawDelivered(svg, points, providers, marks, now) {
  const axes = begin(svg, points, marks, now);
  const steps = clip(points, axes.since, now);
  providers.forEach((provider, place) => {
    const d = line(steps, provider, axes);
    if (d) svg.insertBefore(shape("path", { class: `line s${place % 8}`, d }), axes.front);
  });
}

function begin(svg, points, marks, now) {
  const span = Math.min(Math.max(now - (points[0]?.at ?? now), SHORTEST_MS), LONGEST_MS);
  svg.replaceChildren();
  const width = Math.max(svg.clientWidth, 240); // one unit is one pixel: texts keep their size on a phone
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const x = (at) => LEFT + (width - LEFT - RIGHT) * Math.min(Math.max((at - now + span) / span, 0), 1);
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const front = shape("g", {});
  for (const share of [0, 0.5, 1]) {
    front.append(shape("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(share), y2: y(share) }));
    front.append(label(LEFT - 6, y(share) + 4, `${share * 100} %`, "end"));
  }
  front.append(label(LEFT, HEIGHT - 6, `${Math.round(span / 60000)} min ago`, "start"), label(width - RIGHT, HEIGHT - 6, "now", "end"));
  for (const at of marks) {
    if (at > now - span) front.append(shape("line", { class: "mark", x1: x(at), x2: x(at), y1: TOP, y2: HEIGHT - BOTTOM }));
  }
  svg.append(front);
  return { x, y, front, since: now - span };
}

/** What holds until the next point, up to now. */
function clip(points, since, now) {
  const steps = points.filter((point, turn) => (points[turn + 1]?.at ?? now) > since);
  return steps.map((point, turn) => ({ ...point, until: steps[turn + 1]?.at ?? now }));
}

function area(steps, below, above, { x, y }) {
  const over = steps.flatMap((step, turn) => [[x(step.at), y(above[turn])], [x(step.until), y(above[turn])]]);
  const under = steps.flatMap((step, turn) => [[x(step.at), y(below[turn])], [x(step.until), y(below[turn])]]).reverse();
  return "M" + [...over, ...under].map((pair) => pair.map((value) => value.toFixed(1)).join(" ")).join("L") + "Z";
}

function line(steps, provider, { x, y }) {
  let d = "", open = false;
  for (const step of steps) {
    const share = step.delivered[provider];
    if (share === null || share === undefined) { open = false; continue; }
    d += `${open ? "L" : "M"}${x(step.at).toFixed(1)} ${y(share).toFixed(1)}`;
    open = true;
  }
  return d;
}

function shape(name, attributes) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function label(x, y, text, anchor) {
  const element = shape("text", { x, y, "text-anchor": anchor });
  element.textContent = text;
  return element;
}
